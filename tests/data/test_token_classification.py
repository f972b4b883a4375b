"""The data of a run of token-classification: recognized, read part by part, checked."""

import pytest

from textgraft.data.reading import Reading
from textgraft.data.splits import read_split, read_splits
from textgraft.data.tagged import TaggedDataset
from textgraft.errors import DataError
from textgraft.task_specs import infer_task, task_spec
from textgraft.task_specs.token_classification import TokenClassificationSpec

KIND = task_spec("token-classification")
SENTENCES = "".join(f"word{n}\tO\nRome\tB-LOC\n\n" for n in range(40)) + "Ada\tB-PER\n"


def test_recognized(write):
    assert KIND is TokenClassificationSpec
    assert infer_task(str(write("a.conll", SENTENCES)), Reading()) == "token-classification"
    assert infer_task(str(write("a.jsonl", '{"text": "a", "entities": []}\n')), Reading()) == "token-classification"
    assert infer_task(str(write("a.csv", "text,label\na,b\n")), Reading()) == "text-classification"


def test_parts(write):
    path = write("data/train.conll", SENTENCES).parent
    write("data/test.conll", "Rome I-LOC\n\nword3 O\nRome B-LOC\n\nParis B-LOC\n")
    parts = read_splits(KIND, str(path), Reading())
    assert all(isinstance(part, TaggedDataset) for _, part in parts.items())
    assert [len(part) for _, part in parts.items()] == [37, 4, 3]
    assert KIND.settings_from(parts.train)["labels"] == ["LOC", "PER"]
    assert parts.validation.label_names == ["LOC", "PER"]
    train, test = (f"{path}/{name}.conll" for name in ("train", "test"))
    assert parts.notices == (
        f"{train}: tags are written in IOB2",
        f"{test}: tags are written in IOB2",
        f"{test}, line 1: the first of 1 tags that are not valid IOB2 and were repaired",
        f"{test}: 1 of 3 texts also occur in {train}",
    )


def test_a_slice(write):
    data = read_split(KIND, str(write("a.conll", SENTENCES)), Reading(), "train[10:20]")
    assert [row.text for row in data] == [f"word{n} Rome" for n in range(10, 20)]


def test_what_does_not_fit(write):
    path = str(write("a.conll", SENTENCES))
    other = str(write("b.conll", "Rome B-GPE\n"))
    with pytest.raises(DataError, match=r"b\.conll, line 1: label 'GPE' is unknown; it must be one of: LOC, PER"):
        read_splits(KIND, path, Reading(), test=other)
    with pytest.raises(DataError, match=r"c\.conll: no span is labelled"):
        read_splits(KIND, str(write("c.conll", "Rome O\n\nAda O\n")), Reading())
    with pytest.raises(DataError, match="set label to one of: text, x, y"):
        read_splits(KIND, str(write("d.csv", "text,x,y\na,b,c\n")), Reading())


def test_a_label_that_only_another_slice_has_is_refused(write):
    source = str(write("a.conll", "Ada\tB-PER\n\nParis\tB-LOC\n\nBob\tB-PER\n\n"))
    train, other = TokenClassificationSpec.load_parts(source, "train[:1],train[1:]", Reading())
    assert (train.label_names, other.label_names) == (["PER"], ["LOC", "PER"])
    with pytest.raises(DataError, match="label 'LOC' is unknown; it must be one of: PER"):
        TokenClassificationSpec.check(train, other)
