"""Texts with labelled spans, from every format they come in."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textgraft.data.annotations import TaggedText
from textgraft.data.columns import Reading, are_tagged
from textgraft.data.loading import load_dataset, split_names
from textgraft.data.tagged import TaggedDataset, load_tagged, read_tagged
from textgraft.data.tags import TAG_SCHEMES, Span, tags_from_spans
from textgraft.errors import DataError

WORDS = [["Ada", "Byron", "🙂", "London"], ["née", "in", "\u00a0", "é\u0301"], ["Rome"]]
SPANS = [[Span(0, 2, "PER"), Span(3, 4, "LOC")], [], [Span(0, 1, "LOC")]]
TAGS = [tags_from_spans(spans, len(words)) for words, spans in zip(WORDS, SPANS, strict=True)]
TEXTS = ["Ada Byron 🙂 London", "née in \u00a0 é\u0301", "Rome"]
TEXT_SPANS = [[Span(0, 9, "PER"), Span(12, 18, "LOC")], [], [Span(0, 4, "LOC")]]
ENTITIES = [[{"start": s.start, "end": s.end, "label": s.label} for s in spans] for spans in TEXT_SPANS]


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


def assert_rows(data, words=True):
    assert len(data) == 3
    rows = list(data)
    assert [row.text for row in rows] == TEXTS
    assert [row.spans for row in rows] == TEXT_SPANS
    if words:
        assert [[row.text[start:end] for start, end in row.words] for row in rows] == WORDS
    else:
        assert [row.words for row in rows] == [None] * 3
    assert data.label_names == ["LOC", "PER"]
    assert data.counts() == {"LOC": 2, "PER": 1}
    assert data.scheme == ("IOB2" if words else None)
    assert data.repaired == 0


@pytest.mark.parametrize(
    "names", [("tokens", "tags"), ("words", "ner_tags"), ("words", "ner"), ("Tokens", "labels"), ("tokens", "label")]
)
def test_words_and_tags_are_read(write, names):
    columns = dict(zip(names, (WORDS, TAGS), strict=True))
    path = write("a.jsonl", jsonl(id=["1", "2", "3"], **columns))
    assert_rows(load_tagged(path))
    pq.write_table(pa.table(columns), path.with_suffix(".parquet"))
    assert_rows(load_tagged(path.with_suffix(".parquet")))


@pytest.mark.parametrize("label", ["entities", "spans", "label", "labels", "annotations"])
def test_texts_and_entities_are_read(write, label):
    path = write("a.jsonl", jsonl(**{"text": TEXTS, "meta": [{}, 1, None], label: ENTITIES}))
    assert_rows(load_tagged(path), words=False)
    pq.write_table(pa.table({"text": TEXTS, label: ENTITIES}), path.with_suffix(".parquet"))
    assert_rows(load_tagged(path.with_suffix(".parquet")), words=False)


def test_named_columns_are_used(write):
    path = write("a.jsonl", jsonl(entities=TEXTS, text=ENTITIES))
    assert_rows(load_tagged(path, text="entities", label="text"), words=False)


def test_json_cells_of_csv_are_read(write):
    cells = [json.dumps(entities).replace('"', '""') for entities in ENTITIES]
    rows = "".join(f'"{text}","{cell}"\n' for text, cell in zip(TEXTS, cells, strict=True))
    assert_rows(load_tagged(write("a.csv", "text,entities\n" + rows)), words=False)


def test_conll_is_read(write):
    data = load_tagged(write("a.conll", conll()))
    assert_rows(data)
    assert data.notices == (f"{data.source}: tags are written in IOB2",)
    assert data.location(1) == f"{data.source}, line 6"


@pytest.mark.parametrize("scheme", TAG_SCHEMES)
def test_every_scheme_gives_the_same_spans(write, scheme):
    tags = [tags_from_spans(spans, len(words), scheme) for words, spans in zip(WORDS, SPANS, strict=True)]
    data = load_tagged(write("a.conll", conll(tags)))
    assert (data.scheme, data.repaired) == (scheme, 0)
    assert [row.spans for row in data] == TEXT_SPANS


def test_repairs_are_counted_and_located(write):
    path = write("a.conll", "a B-X\nb I-X\n\nc O\nd I-X\ne I-Y\n\nf B-X\n")
    data = load_tagged(path)
    assert (data.scheme, data.repaired) == ("IOB2", 2)
    assert data.notices[1] == f"{path}, line 4: the first of 2 tags that are not valid IOB2 and were repaired"
    assert [span for row in data for span in row.spans] == [(0, 3, "X"), (2, 3, "X"), (4, 5, "Y"), (0, 1, "X")]


def test_corpus_without_entities_is_noticed(write):
    data = load_tagged(write("a.conll", "a O\n"))
    assert (data.scheme, data.repaired, data.label_names) == ("IOB2", 0, [])
    assert data.notices == (f"{data.source}: no word is tagged, all are O",)


@pytest.mark.parametrize(
    ("texts", "labels"), [(WORDS, TAGS), (TEXTS, ENTITIES), (TEXTS, TEXT_SPANS)], ids=["tags", "entities", "spans"]
)
def test_lists_become_a_dataset(texts, labels):
    assert_rows(TaggedDataset.from_lists(texts, labels), words=texts is WORDS)


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        (TEXTS, ENTITIES[:2], "texts: 3 texts but labels for 2"),
        ([*WORDS, "text"], [*TAGS, []], "texts, row 4: some texts are strings"),
        ([*TEXTS, ["word"]], [*ENTITIES, []], "texts, row 4: some texts are strings"),
        (["a"], [[object()]], "texts, row 1: Object of type object"),
        (["\ud800"], [[]], "texts, row 1: 'utf-8' codec"),
        (["a"], [[[0, 2, "X"]]], "texts, row 1: entity 1: 0 to 2"),
        ([], [], "texts: no rows"),
    ],
    ids=range(7),
)
def test_malformed_lists_are_reported(texts, labels, message):
    with pytest.raises(DataError, match=message):
        TaggedDataset.from_lists(texts, labels)


def test_splits_and_slices_are_views(write):
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


def test_folder_of_splits_is_read(write):
    path = write("data/train.conll", conll()).parent
    write("data/dev.jsonl", jsonl(text=TEXTS, entities=ENTITIES))
    assert split_names(path) == ("train", "dev")
    train, dev = load_tagged(path, split="train,dev")
    assert_rows(train)
    assert_rows(dev, words=False)


def test_fingerprint_covers_labels_but_not_the_scheme(write):
    path = write("a.conll", "a B-X\n")
    assert load_tagged(path).fingerprint() != load_tagged(write("b.conll", "a B-Y\n")).fingerprint()
    assert load_tagged(path).fingerprint() == load_tagged(write("c.conll", "a I-X\n")).fingerprint()


def test_absent_texts_are_empty_texts(write):
    path = write("a.jsonl", jsonl(text=["Ada", None], entities=[[[0, 3, "X"]], [[0, 3, "X"]]]))
    assert error_of(path).startswith(f"{path}, line 2: no value for 'text'; fill it in")
    assert [(row.text, row.spans) for row in load_tagged(path, empty="keep")] == [("Ada", [(0, 3, "X")]), ("", [])]
    assert [row.text for row in read_tagged(str(path), None, Reading())] == ["Ada", ""]
    path = write("b.jsonl", jsonl(tokens=[["Ada"], None]))
    assert [row.words for row in read_tagged(str(path), None, Reading())] == [[(0, 3)], []]


def test_empty_texts_are_reported_dropped_or_kept(write):
    path = write("a.jsonl", jsonl(tokens=[["a"], [], ["b"]], tags=[["B-X"], [], ["O"]]))
    assert error_of(path).startswith(f"{path}, line 2: the text is empty (1 in all)")
    data = load_tagged(path, empty="drop")
    assert [row.text for row in data] == ["a", "b"]
    assert data.notices[0] == f"{path}: 1 empty text dropped"
    assert data.location(1) == f"{path}, line 3"
    assert list(load_tagged(path, empty="keep"))[1] == TaggedText("", [], [])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.jsonl",
            jsonl(text=TEXTS, entities=[[], [[0, 3, "X"], [2, 4, "Y"]], []]),
            "line 2: entity 1 (0 to 3 is 'née') and entity 2 (2 to 3 is 'e') overlap",
        ),
        (
            "a.jsonl",
            jsonl(tokens=WORDS, tags=[TAGS[0], TAGS[1], ["B"]]),
            "line 3: the tag 'B' of word 1 is neither O nor",
        ),
        (
            "a.jsonl",
            jsonl(text=TEXTS, entities=[[], [], None]),
            "line 3: no value for 'entities' (1 in all); fill it in",
        ),
        ("a.jsonl", jsonl(tokens=[["a\0b"]], tags=[["O"]]), "line 1: a NUL byte in 'tokens'; remove it"),
        ("a.conll", "a B-X\n\nb O\nc PER\n", "line 3: the tag 'PER' of word 2"),
        ("a.csv", "tokens,tags\na b,O O\n", "line 2: the words are not a JSON list: 'a b'"),
    ],
    ids=["overlap", "tag", "null", "nul byte", "conll tag", "csv words"],
)
def test_malformed_rows_are_reported_with_their_location(write, name, content, message):
    path = write(name, content)
    assert error_of(path).startswith(f"{path}, {message}")


def test_numeric_tags_are_reported(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"tokens": WORDS, "ner_tags": [[1, 2, 0, 3], [0] * 4, [3]]}), path)
    assert error_of(path).startswith(f"{path}, row 1: the tags are numbers; write their names in place of them")


def test_missing_entity_column_is_reported(write):
    path = write("a.jsonl", jsonl(text=TEXTS, other=ENTITIES, third=TEXTS))
    assert "cannot infer the column of tags or entities; set label to one of: text, other, third" in error_of(path)


def test_lists_outside_words_and_labels_are_reported(write, tmp_path):
    path = write("a.jsonl", jsonl(text=TEXTS, label=ENTITIES))
    with pytest.raises(DataError, match=r"line 1: .* is not a list of labels"):
        load_dataset(path).label_names  # noqa: B018
    path = write("b.jsonl", jsonl(text=WORDS, entities=ENTITIES))
    assert error_of(path) == f"{path}, line 1: 'text' must be a string, not list"
    pq.write_table(pa.table({"text": WORDS, "entities": ENTITIES}), tmp_path / "b.parquet")
    assert "the column 'text' is of type list<" in error_of(tmp_path / "b.parquet")


def test_numbers_in_lists_stay_numbers(write):
    path = write("a.jsonl", '{"text": "aé", "entities": [{"start": 0, "end": 2, "label": "X", "score": 1e-5}]}\n')
    assert next(iter(load_tagged(path))).spans == [(0, 2, "X")]
    deep = "[" * 900 + "]" * 900
    assert "line 1" in error_of(write("b.jsonl", f'{{"text": "a", "entities": {deep}}}\n'))


def test_texts_are_streamed_with_their_words(write):
    path = write("a.conll", conll() + "\n\n# comment here\n")
    stream = read_tagged(str(path), None, Reading())
    assert [[row.text[slice(*word)] for word in row.words] for row in stream] == WORDS
    assert stream.notices == (f"{path}: ignoring 1 comment lines",)


def test_plain_texts_are_streamed_without_words(write):
    plain = str(write("a.txt", "Ada Byron\n\nRome\n"))
    assert list(read_tagged(plain, None, Reading())) == [(text, None, []) for text in ("Ada Byron", "", "Rome")]
    assert [row.text for row in read_tagged(plain, None, Reading(empty="drop"))] == ["Ada Byron", "Rome"]
    path = str(write("a.jsonl", jsonl(text=TEXTS, x=TEXTS, y=TEXTS)))
    assert [row.words for row in read_tagged(path, None, Reading())] == [None] * 3


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
def test_token_classification_is_recognised_by_column_names(columns, tagged):
    assert are_tagged(columns) is tagged


@pytest.mark.parametrize(
    ("name", "sentences", "spans"),
    [pytest.param("train", 3394, 1975, marks=pytest.mark.slow), ("dev", 1009, 836), ("test", 1287, 1079)],
)
def test_wnut_is_read(real_data, name, sentences, spans):
    data = load_tagged(real_data / "wnut17" / f"{name}.conll")
    assert (len(data), sum(data.counts().values()), data.scheme, data.repaired) == (sentences, spans, "IOB2", 0)
    assert data.label_names == ["corporation", "creative-work", "group", "location", "person", "product"]
    lines = (real_data / "wnut17" / f"{name}.conll").read_text("utf-8").split("\n")
    tokens = [line.split("\t")[0] for line in lines if line.strip()]
    assert [row.text[slice(*word)] for row in data for word in row.words] == tokens
    at = int(np.argmax([len(row.spans) for row in data]))
    first = int(data.location(at).rpartition(" ")[2])
    assert lines[first - 1].split("\t")[0] == list(data)[at].text.split(" ")[0]


@pytest.mark.parametrize(("label", "count"), [(None, 1), ("label", 0)])
def test_second_column_of_entities_is_named(tmp_path, label, count):
    row = {"text": "王小明去了北京", "label": [[0, 3, "PER"]], "entities": [{"start": 5, "end": 7, "label": "LOC"}]}
    path = tmp_path / "predicted.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    data = load_tagged(path, label=label)
    notice = f"{path}: entities are read from 'entities', not from label; set label to choose"
    assert list(data.notices).count(notice) == count
    assert data.label_names == (["PER"] if label else ["LOC"])
