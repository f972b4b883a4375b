"""The data of a token-classification run."""

import pytest

from textgraft.data.columns import Reading
from textgraft.data.splits import read_split, read_splits
from textgraft.data.tagged import TaggedDataset
from textgraft.errors import DataError
from textgraft.task_specs import infer_task, task_spec

SPEC = task_spec("token-classification")
SENTENCES = "".join(f"word{n}\tO\nRome\tB-LOC\n\n" for n in range(40)) + "Ada\tB-PER\n"


@pytest.mark.parametrize(
    ("name", "content", "task"),
    [
        ("a.conll", SENTENCES, "token-classification"),
        ("a.jsonl", '{"text": "a", "entities": []}\n', "token-classification"),
        ("a.csv", "text,label\na,b\n", "text-classification"),
    ],
    ids=["conll", "jsonl", "csv"],
)
def test_task_is_inferred_from_columns(write, name, content, task):
    assert infer_task(str(write(name, content)), Reading()) == task


def test_splits_of_tagged_data_are_read(write):
    path = write("data/train.conll", SENTENCES).parent
    write("data/test.conll", "Rome I-LOC\n\nword3 O\nRome B-LOC\n\nParis B-LOC\n")
    splits = read_splits(SPEC, str(path), Reading())
    assert all(isinstance(part, TaggedDataset) for _, part in splits.items())
    assert [len(part) for _, part in splits.items()] == [37, 4, 3]
    assert SPEC.settings_from(splits.train)["labels"] == ["LOC", "PER"]
    assert splits.validation.label_names == ["LOC", "PER"]
    train, test = (f"{path}/{name}.conll" for name in ("train", "test"))
    assert splits.notices == (
        f"{train}: tags are written in IOB2",
        f"{test}: tags are written in IOB2",
        f"{test}, line 1: the first of 1 tags that are not valid IOB2 and were repaired",
        f"{test}: 1 of 3 texts also occur in {train}",
    )


def test_slice_of_tagged_data_is_read(write):
    data = read_split(SPEC, str(write("a.conll", SENTENCES)), Reading(), "train[10:20]")
    assert [row.text for row in data] == [f"word{n} Rome" for n in range(10, 20)]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.conll", "Rome O\n\nAda O\n", r"c\.conll: no span is labelled"),
        ("d.csv", "text,x,y\na,b,c\n", "set label to one of: text, x, y"),
    ],
    ids=["no entity", "no label column"],
)
def test_unusable_tagged_data_is_reported(write, name, content, message):
    with pytest.raises(DataError, match=message):
        read_splits(SPEC, str(write(name, content)), Reading())


def test_unknown_label_of_the_test_set_is_reported(write):
    path, other = str(write("a.conll", SENTENCES)), str(write("b.conll", "Rome B-GPE\n"))
    with pytest.raises(DataError, match=r"b\.conll, line 1: unknown label 'GPE'; expected one of: LOC, PER"):
        read_splits(SPEC, path, Reading(), test=other)


def test_label_missing_from_training_data_is_reported(write):
    source = str(write("a.conll", "Ada\tB-PER\n\nParis\tB-LOC\n\nBob\tB-PER\n\n"))
    train, other = SPEC.load_slices(source, "train[:1],train[1:]", Reading())
    assert (train.label_names, other.label_names) == (["PER"], ["LOC", "PER"])
    with pytest.raises(DataError, match="unknown label 'LOC'; expected one of: PER"):
        SPEC.check(train, other)
