"""Texts with labelled spans, from every format they come in."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textgraft.data.annotations import TaggedText
from textgraft.data.columns import are_tagged
from textgraft.data.loading import load_dataset, split_names
from textgraft.data.tagged import TaggedDataset, load_tagged, read_tagged
from textgraft.data.tags import SCHEMES, Span, tags_from_spans
from textgraft.errors import DataError

WORDS = [["Ada", "Byron", "🙂", "London"], ["née", "in", "\u00a0", "é\u0301"], ["Rome"]]
SPANS = [[Span(0, 2, "PER"), Span(3, 4, "LOC")], [], [Span(0, 1, "LOC")]]
TAGS = [tags_from_spans(spans, len(words)) for words, spans in zip(WORDS, SPANS, strict=True)]
TEXTS = ["Ada Byron 🙂 London", "née in \u00a0 é\u0301", "Rome"]
FOUND = [[Span(0, 9, "PER"), Span(12, 18, "LOC")], [], [Span(0, 4, "LOC")]]
ENTITIES = [[{"start": s.start, "end": s.end, "label": s.label} for s in spans] for spans in FOUND]


def jsonl(**columns):
    return "".join(
        json.dumps(dict(zip(columns, row, strict=True))) + "\n" for row in zip(*columns.values(), strict=True)
    )


def conll(tags=TAGS):
    sentences = (zip(words, named, strict=True) for words, named in zip(WORDS, tags, strict=True))
    return "\n\n".join("\n".join("\t".join(line) for line in lines) for lines in sentences)


def error_of(path, **options):
    with pytest.raises(DataError) as caught:
        load_tagged(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.__cause__ is None
    return message


def check(data, words=True):
    assert len(data) == 3
    rows = list(data)
    assert [row.text for row in rows] == TEXTS
    assert [row.spans for row in rows] == FOUND
    if words:
        assert [[row.text[start:end] for start, end in row.words] for row in rows] == WORDS
    else:
        assert [row.words for row in rows] == [None] * 3
    assert data.label_names == ["LOC", "PER"]
    assert data.counts() == {"LOC": 2, "PER": 1}
    assert data.scheme == ("IOB2" if words else None)
    assert data.repaired == 0


@pytest.mark.parametrize(
    "names", [("tokens", "tags"), ("words", "ner_tags"), ("Tokens", "labels"), ("tokens", "label")]
)
def test_words_and_tags(write, names):
    columns = dict(zip(names, (WORDS, TAGS), strict=True))
    path = write("a.jsonl", jsonl(id=["1", "2", "3"], **columns))
    check(load_tagged(path))
    pq.write_table(pa.table(columns), path.with_suffix(".parquet"))
    check(load_tagged(path.with_suffix(".parquet")))


@pytest.mark.parametrize("label", ["entities", "spans", "label", "labels"])
def test_text_and_entities(write, label):
    path = write("a.jsonl", jsonl(**{"text": TEXTS, "meta": [{}, 1, None], label: ENTITIES}))
    check(load_tagged(path), words=False)
    pq.write_table(pa.table({"text": TEXTS, label: ENTITIES}), path.with_suffix(".parquet"))
    check(load_tagged(path.with_suffix(".parquet")), words=False)


def test_columns_named_by_the_user(write):
    path = write("a.jsonl", jsonl(entities=TEXTS, text=ENTITIES))
    check(load_tagged(path, text="entities", label="text"), words=False)


def test_json_text_in_csv(write):
    cells = [json.dumps(entities).replace('"', '""') for entities in ENTITIES]
    rows = "".join(f'"{text}","{cell}"\n' for text, cell in zip(TEXTS, cells, strict=True))
    check(load_tagged(write("a.csv", "text,entities\n" + rows)), words=False)


def test_conll(write):
    data = load_tagged(write("a.conll", conll()))
    check(data)
    assert data.notices == (f"{data.source}: tags are written in IOB2",)
    assert data.location(1) == f"{data.source}, line 6"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_scheme_reads_the_same(write, scheme):
    tags = [tags_from_spans(spans, len(words), scheme) for words, spans in zip(WORDS, SPANS, strict=True)]
    data = load_tagged(write("a.conll", conll(tags)))
    assert (data.scheme, data.repaired) == (scheme, 0)
    assert [row.spans for row in data] == FOUND


def test_repairs_are_told(write):
    path = write("a.conll", "a B-X\nb I-X\n\nc O\nd I-X\ne I-Y\n\nf B-X\n")
    data = load_tagged(path)
    assert (data.scheme, data.repaired) == ("IOB2", 2)
    assert data.notices[1] == f"{path}, line 4: the first of 2 tags that are not valid IOB2 and were repaired"
    assert [span for row in data for span in row.spans] == [(0, 3, "X"), (2, 3, "X"), (4, 5, "Y"), (0, 1, "X")]


def test_no_entity_at_all(write):
    data = load_tagged(write("a.conll", "a O\n"))
    assert (data.scheme, data.repaired, data.label_names) == ("IOB2", 0, [])
    assert data.notices == (f"{data.source}: no word is tagged, all are O",)


def test_lists_at_hand():
    check(TaggedDataset.from_lists(WORDS, TAGS))
    check(TaggedDataset.from_lists(TEXTS, ENTITIES), words=False)
    check(TaggedDataset.from_lists(TEXTS, FOUND), words=False)
    for texts, labels, message in [
        (TEXTS, ENTITIES[:2], "texts: 3 texts but labels for 2"),
        ([*WORDS, "text"], [*TAGS, []], "texts, row 4: some texts are strings"),
        ([*TEXTS, ["word"]], [*ENTITIES, []], "texts, row 4: some texts are strings"),
        (["a"], [[object()]], "texts, row 1: Object of type object"),
        (["\ud800"], [[]], "texts, row 1: 'utf-8' codec"),
        (["a"], [[[0, 2, "X"]]], "texts, row 1: entity 1: 0 to 2"),
        ([], [], "texts: no rows"),
    ]:
        with pytest.raises(DataError, match=message):
            TaggedDataset.from_lists(texts, labels)


def test_parts_and_slices(write):
    sentences = "".join(f"word{n} O\nRome B-LOC\n\n" for n in range(100)) + "Ada B-PER\n"
    path = write("a.conll", sentences)
    data = load_tagged(path)
    first, second = data.split(0.8, seed=1)
    assert (len(first), len(second)) == (81, 20)
    assert first.label_names == second.label_names == ["LOC", "PER"]
    assert sorted(row.text for part in (first, second) for row in part) == sorted(row.text for row in data)
    assert first.fingerprint() == data.split(0.8, seed=1)[0].fingerprint() != data.fingerprint()
    assert [row.text for row in data.take([2, 0])] == ["word2 Rome", "word0 Rome"]
    head, tail = load_tagged(path, split="train[:60],train[60:]")
    assert (len(head), len(tail), tail.source) == (60, 41, f"{path}[60:]")
    assert tail.location(0) == f"{path}, line 181"


def test_a_folder_of_splits(write):
    path = write("data/train.conll", conll()).parent
    write("data/dev.jsonl", jsonl(text=TEXTS, entities=ENTITIES))
    assert split_names(path) == ("train", "dev")
    train, dev = load_tagged(path, split="train,dev")
    check(train)
    check(dev, words=False)


def test_labels_of_the_fingerprint(write):
    path = write("a.conll", "a B-X\n")
    assert load_tagged(path).fingerprint() != load_tagged(write("b.conll", "a B-Y\n")).fingerprint()
    assert load_tagged(path).fingerprint() == load_tagged(write("c.conll", "a I-X\n")).fingerprint()


def test_empty_texts(write):
    path = write("a.jsonl", jsonl(tokens=[["a"], [], ["b"]], tags=[["B-X"], [], ["O"]]))
    assert error_of(path).startswith(f"{path}, line 2: the text is empty (1 in all)")
    data = load_tagged(path, empty="drop")
    assert [row.text for row in data] == ["a", "b"]
    assert data.notices[0] == f"{path}: 1 empty texts dropped"
    assert data.location(1) == f"{path}, line 3"
    assert list(load_tagged(path, empty="keep"))[1] == TaggedText("", [], [])


def test_bad_rows_name_their_place(write):
    path = write("a.jsonl", jsonl(text=TEXTS, entities=[[], [[0, 3, "X"], [2, 4, "Y"]], []]))
    assert error_of(path).startswith(
        f"{path}, line 2: entity 1 (0 to 3 is 'née') and entity 2 (2 to 4 is 'e ') overlap"
    )
    path = write("b.jsonl", jsonl(tokens=WORDS, tags=[TAGS[0], TAGS[1], ["B"]]))
    assert error_of(path).startswith(f"{path}, line 3: the tag 'B' of word 1 is neither O nor")
    path = write("c.jsonl", jsonl(text=TEXTS, entities=[[], [], None]))
    assert error_of(path) == f"{path}, line 3: no value for 'entities'; fill it in"
    path = write("d.jsonl", jsonl(tokens=[["a\0b"]], tags=[["O"]]))
    assert error_of(path) == f"{path}, line 1: a NUL byte in 'tokens'; remove it"
    path = write("e.conll", "a B-X\n\nb O\nc PER\n")
    assert error_of(path).startswith(f"{path}, line 3: the tag 'PER' of word 2")
    path = write("f.csv", "tokens,tags\na b,O O\n")
    assert error_of(path).startswith(f"{path}, line 2: the words are not a JSON list: 'a b'")


def test_tags_that_are_numbers(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"tokens": WORDS, "ner_tags": [[1, 2, 0, 3], [0] * 4, [3]]}), path)
    assert error_of(path).startswith(f"{path}, row 1: the tags are numbers; write their names in place of them")


def test_no_column_of_entities(write):
    path = write("a.jsonl", jsonl(text=TEXTS, other=ENTITIES, third=TEXTS))
    assert "cannot infer the column of tags or entities; set label to one of: text, other, third" in error_of(path)


def test_lists_stay_an_error_elsewhere(write, tmp_path):
    path = write("a.jsonl", jsonl(text=TEXTS, label=ENTITIES))
    with pytest.raises(DataError, match=r"line 1: .* is not a list of labels"):
        load_dataset(path).label_names  # noqa: B018
    path = write("b.jsonl", jsonl(text=WORDS, entities=ENTITIES))
    assert error_of(path) == f"{path}, line 1: 'text' holds list, not text; write a string"
    pq.write_table(pa.table({"text": WORDS, "entities": ENTITIES}), tmp_path / "b.parquet")
    assert "the column 'text' is of type list<" in error_of(tmp_path / "b.parquet")


def test_numbers_in_lists_are_numbers(write):
    path = write("a.jsonl", '{"text": "aé", "entities": [{"start": 0, "end": 2, "label": "X", "score": 1e-5}]}\n')
    assert next(iter(load_tagged(path))).spans == [(0, 2, "X")]
    deep = "[" * 900 + "]" * 900
    assert "line 1" in error_of(write("b.jsonl", f'{{"text": "a", "entities": {deep}}}\n'))


def test_stream(write):
    path = write("a.conll", conll() + "\n\n# comment here\n")
    stream = read_tagged(path)
    assert [[row.text[slice(*word)] for word in row.words] for row in stream] == WORDS
    assert stream.notices == (f"{path}: 1 comment lines left out",)
    plain = write("a.txt", "Ada Byron\n\nRome\n")
    assert list(read_tagged(plain)) == [(text, None, []) for text in ("Ada Byron", "", "Rome")]
    assert [row.text for row in read_tagged(plain, empty="drop")] == ["Ada Byron", "Rome"]
    assert [row.words for row in read_tagged(write("a.jsonl", jsonl(text=TEXTS, x=TEXTS, y=TEXTS)))] == [None] * 3


@pytest.mark.parametrize(
    ("columns", "tagged"),
    [
        (("tokens", "tags"), True),
        (("id", "tokens", "pos_tags", "ner_tags"), True),
        (("words", "labels"), True),
        (("text", "entities"), True),
        (("id", "text", "spans", "meta"), True),
        (("text", "label"), False),
        (("text", "labels"), False),
        (("text",), False),
        (("tokens",), False),
        (("entities", "other"), False),
        ((), False),
    ],
)
def test_whether_columns_are_of_this_task(columns, tagged):
    assert are_tagged(columns) is tagged


@pytest.mark.parametrize(
    ("name", "sentences", "spans"), [("train", 3394, 1975), ("dev", 1009, 836), ("test", 1287, 1079)]
)
def test_wnut(real_data, name, sentences, spans):
    data = load_tagged(real_data / "wnut17" / f"{name}.conll")
    assert (len(data), sum(data.counts().values()), data.scheme, data.repaired) == (sentences, spans, "IOB2", 0)
    assert data.label_names == ["corporation", "creative-work", "group", "location", "person", "product"]
    lines = (real_data / "wnut17" / f"{name}.conll").read_text("utf-8").split("\n")
    tokens = [line.split("\t")[0] for line in lines if line.strip()]
    assert [row.text[slice(*word)] for row in data for word in row.words] == tokens
    at = int(np.argmax([len(row.spans) for row in data]))
    first = int(data.location(at).rpartition(" ")[2])
    assert lines[first - 1].split("\t")[0] == list(data)[at].text.split(" ")[0]
