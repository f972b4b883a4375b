"""Every format returns the cells of a file unchanged, as strings."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.datasets import texts_of
from textgraft import registry
from textgraft.data.format import Format
from textgraft.data.loading import load_dataset

ODD_TEXTS = [
    "01",
    "NA",
    "null",
    "None",
    "True",
    "1.0",
    "nan",
    "1e5",
    "  spaces kept  ",
    'a "quoted" word, and a comma',
    "two\nlines",
    "a\r\nb",
    "tab\there",
    "naïve 文字 🙂",
    "\u2028 \x85 are no line ends",
    "\\N",
    "#comment",
    "=1+1",
    "'",
]


def rows_of(data):
    return [
        (text.decode(), label)
        for batch in data.batches()
        for text, label in zip(batch.texts, batch.labels, strict=True)
    ]


def test_every_format_implements_the_contract():
    names = registry.names("data.formats")
    assert {"csv", "tsv", "jsonl", "parquet", "lines", "folders", "tfds", "hugging_face", "conll"} <= set(names)
    for name in names:
        assert registry.implementation("data.formats", name, Format).can_read("missing") is False


def test_strings_are_kept_unchanged(write, labelled_format):
    rows = [(text, label) for text, label in zip(ODD_TEXTS, reversed(ODD_TEXTS), strict=True)]
    data = load_dataset(write(f"odd.{labelled_format}", rows))
    if labelled_format in ("csv", "tsv"):  # white space around labels is data within quotes only
        rows = [(text, label.strip(" ")) for text, label in rows]
    assert rows_of(data) == rows


@pytest.mark.parametrize("compression", ["gz", "zst", "zip"])
def test_compressed_files_are_read(write, labelled_text_format, compression):
    path = write(f"reviews.{labelled_text_format}.{compression}", [("good", "pos"), ("bad", "neg")])
    assert rows_of(load_dataset(path)) == [("good", "pos"), ("bad", "neg")]


def test_compressed_plain_text_is_read(write):
    assert texts_of(load_dataset(write("reviews.txt.gz", "one\ntwo\n")))[1] == "two"


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_line_ends_byte_order_mark_and_blank_lines_are_handled(write, delimiter):
    content = '\ufefftext,label\r\n\r\ngood,pos\r\n"two\r\nlines",neg\r\n\r\n'.replace(",", delimiter)
    data = load_dataset(write("a.csv" if delimiter == "," else "a.tsv", content))
    assert rows_of(data) == [("good", "pos"), ("two\r\nlines", "neg")]
    assert data.columns == ("text", "label")


def test_last_line_may_lack_its_end(write):
    assert rows_of(load_dataset(write("a.csv", "text,label\ngood,pos"))) == [("good", "pos")]
    assert rows_of(load_dataset(write("a.jsonl", '\ufeff{"text": "good", "label": "pos"}'))) == [("good", "pos")]
    assert texts_of(load_dataset(write("a.txt", "\ufeffone\r\ntwo")))[0] == "one"


def test_rows_span_several_batches_and_chunks(write, labelled_format):
    rows = [(f"{number} " + "é" * (number % 301), str(number % 7)) for number in range(6_000)]
    assert rows_of(load_dataset(write(f"long.{labelled_format}", rows))) == rows


def test_texts_may_be_as_long_as_a_book(write, labelled_format):
    book = 'a "line",\n' * 300_000
    assert texts_of(load_dataset(write(f"book.{labelled_format}", [(book, "x")])))[0] == book


def test_named_encoding_is_used(write):
    path = write("latin.csv", "text,label\ncafé,à\n".encode("latin-1"))
    assert rows_of(load_dataset(path, encoding="latin-1")) == [("café", "à")]


def test_utf16_is_read(write):
    path = write("wide.csv", "text,label\nсъешь,да\n".encode("utf-16"))
    assert rows_of(load_dataset(path, encoding="utf-16")) == [("съешь", "да")]


def test_jsonl_values_keep_their_json_spelling(write):
    values = ["1", "1.0", "1e5", "-0", "12345678901234567890123", "true", "false", '"01"', '"1"', '"true"']
    path = write("a.jsonl", "".join(f'{{"text": "t", "label": {value}}}\n' for value in values))
    assert load_dataset(path).require_labels().tolist() == [value.strip('"') for value in values]


def test_jsonl_ignores_nested_columns_that_are_not_read(write):
    path = write("a.jsonl", '{"meta": {"n": [1, null]}, "text": "\\ud83d\\ude42 \\u00e9", "label": "x"}\n\n')
    data = load_dataset(path)
    assert rows_of(data) == [("🙂 é", "x")]
    assert data.columns == ("meta", "text", "label")


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_strings_of_every_type_are_read(tmp_path, kind):
    texts = pa.array(["one", "two", "one"]).cast(kind)
    pq.write_table(pa.table({"text": texts, "label": texts}), tmp_path / "a.parquet")
    assert rows_of(load_dataset(tmp_path / "a.parquet")) == [(t, t) for t in ("one", "two", "one")]


@pytest.mark.parametrize(
    ("values", "spelled"),
    [
        (pa.array([1, 0]), ["1", "0"]),
        (pa.array([True, False]), ["true", "false"]),
        (pa.array([7, 7], pa.uint8()), ["7", "7"]),
        (pa.array([3, 4]).dictionary_encode(), ["3", "4"]),
    ],
)
def test_parquet_integers_and_booleans_become_strings(tmp_path, values, spelled):
    pq.write_table(pa.table({"text": ["one", "two"], "label": values}), tmp_path / "a.parquet")
    assert load_dataset(tmp_path / "a.parquet").require_labels().tolist() == spelled


def test_parquet_row_groups_are_read_in_order(tmp_path):
    table = pa.table({"text": [str(n) for n in range(5000)], "label": ["x"] * 5000})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=700)
    assert [row[0] for row in rows_of(load_dataset(tmp_path / "a.parquet"))] == [str(n) for n in range(5000)]


def test_lines_are_unlabelled(write):
    data = load_dataset(write("a.txt", " one \ntwo\u2028still two\n"))
    assert data.labels is None
    assert texts_of(data) == [" one ", "two\u2028still two"]


def test_named_format_is_used(write):
    path = write("reviews.log", "text\tlabel\ngood\tpos\n")
    assert rows_of(load_dataset(path, format="tsv")) == [("good", "pos")]


def test_jsonl_strings_equal_those_of_the_json_module(write):
    rows = [{"text": f'"{n}" \\ \n {chr(n)}', "label": chr(n + 200)} for n in range(160, 400)]
    path = write("a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    assert rows_of(load_dataset(path)) == [(row["text"], row["label"]) for row in rows]


def test_blank_line_in_a_single_column_is_an_empty_cell(write):
    data = load_dataset(write("a.csv", "text\na\n\nb\n\n"), empty="keep")
    assert texts_of(data) == ["a", "", "b"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-8"])
def test_byte_order_mark_is_removed_in_every_encoding(write, encoding):
    path = write("a.txt", "\ufeffone\ntwo\n".encode(encoding))
    data = load_dataset(path, encoding=encoding)
    assert texts_of(data) == ["one", "two"]
