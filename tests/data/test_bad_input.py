"""Every bad file is reported in one line: problem, location, fix."""

import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textgraft.data.loading import load_dataset
from textgraft.errors import ConfigError, DataError

GOOD = [("good", "pos"), ("bad", "neg"), ("fine", "pos")]


def error_of(path, **options) -> str:
    with pytest.raises(DataError) as caught:
        load_dataset(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.__cause__ is None
    return message


def location(path, position) -> str:
    return f"{path}, {'row' if path.suffix == '.parquet' else 'line'} {position}: "


def test_empty_texts_are_reported_with_their_count(write, labelled_format):
    path = write(f"a.{labelled_format}", [*GOOD, (" \t\u00a0", "pos"), ("", "pos")])
    position = 4 if labelled_format in {"jsonl", "parquet"} else 5
    assert error_of(path).startswith(location(path, position) + "the text is empty (2 in all)")


@pytest.mark.parametrize(("empty", "kept"), [("drop", 3), ("keep", 5)])
def test_empty_texts_are_dropped_or_kept_on_request(write, labelled_format, empty, kept):
    path = write(f"a.{labelled_format}", [("  ", "x"), *GOOD, ("", "x")])
    data = load_dataset(path, empty=empty)
    assert len(data) == kept
    assert data.notices == ((f"{path}: 2 empty texts dropped",) if empty == "drop" else ())


def test_locations_are_right_after_dropped_rows_and_quoted_newlines(write):
    data = load_dataset(write("a.csv", 'text,label\n"a\n\nb",x\n,y\n\n"c\nd",z\ne,z\n'), empty="drop")
    assert [data.location(row).rpartition(" ")[2] for row in range(3)] == ["2", "7", "9"]


def test_source_of_empty_texts_only_is_reported(write):
    path = write("a.csv", "text,label\n  ,x\n")
    assert error_of(path, empty="drop").startswith(f"{path}: no rows")


def test_empty_label_is_reported(write, labelled_format):
    path = write(f"a.{labelled_format}", [*GOOD, ("text", " ")])
    message = error_of(path)
    assert message.startswith(location(path, 4 if labelled_format in {"jsonl", "parquet"} else 5))
    assert "no value for 'label'" in message


@pytest.mark.parametrize("key", ["text", "label"])
def test_null_is_reported(write, key, tmp_path):
    path = write(
        "a.jsonl",
        '{"text": "a", "label": "b"}\n'
        + '{"text": "a", "label": "b"}\n'.replace(f'"{key}": "', f'"{key}": null, "_": "'),
    )
    assert error_of(path).startswith(f"{path}, line 2: no value for {key!r}")
    columns = {"text": ["a", "a"], "label": ["b", "b"]} | {key: ["x", None]}
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert error_of(tmp_path / "a.parquet").startswith(f"{tmp_path / 'a.parquet'}, row 2: no value for {key!r}")


def test_nulls_are_dropped_or_kept_as_empty_texts_on_request(tmp_path):
    pq.write_table(pa.table({"text": ["a", None], "label": ["x", "y"]}), tmp_path / "a.parquet")
    assert len(load_dataset(tmp_path / "a.parquet", empty="drop")) == 1
    assert len(load_dataset(tmp_path / "a.parquet", empty="keep")) == 2


def test_nul_byte_is_reported(write, labelled_text_format):
    rows = [("one", "x"), ("ze\0ro", "x")]
    path = write(f"a.{labelled_text_format}", rows)
    message = error_of(path)
    assert message.startswith(f"{path}, line {2 if labelled_text_format == 'jsonl' else 3}: a NUL byte")


def test_nul_byte_in_parquet_and_lines_is_reported(write):
    assert ", row 2: a NUL byte" in error_of(write("a.parquet", [("one", "x"), ("ze\0ro", "x")]))
    assert ", line 2: a NUL byte" in error_of(write("a.txt", "one\ntw\0o\n"))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt", "a.csv.gz", "a.jsonl.zst"])
def test_wrong_encoding_is_reported_with_line_and_offset(write, name):
    content = b"text\n\xc3\xa9t\xc3\xa9\ncaf\xe9\n"
    path = write(name, content)
    # JSON lines are read as they are decoded: the last line is never reached.
    if "jsonl" in name:
        content = b'{"text": "a"}\n{"text": "caf\xe9"}\n'
        path = write(name, content)
    line = content[: content.index(b"caf")].count(b"\n") + 1
    start = f"{path}, line {line}: the byte at offset {content.index(bytes([0xE9]), 10)} is not utf-8"
    assert error_of(path, text=None if name.startswith("a.j") else "text").startswith(start)


def test_wrong_encoding_in_a_later_chunk_is_located(write):
    lines = ["é" * 49 + "x"] * 30_000
    content = ("text\n" + "\n".join(lines) + "\n").encode()
    bad = content.rindex("é".encode(), 0, 2_500_000)
    content = content[: bad + 1] + b"?" + content[bad + 2 :]
    path = write("a.csv", content)
    start = f"{path}, line {content[:bad].count(10) + 1}: the byte at offset {bad} is not utf-8"
    assert error_of(path).startswith(start)


def test_truncated_last_character_is_reported(write):
    path = write("a.txt", "ok\né".encode()[:-1])
    assert error_of(path).startswith(f"{path}, line 2: the byte at offset 3")


def test_unknown_encoding_is_reported(write):
    with pytest.raises(ConfigError, match="encoding 'utf-9' is unknown"):
        load_dataset(write("a.csv", GOOD), encoding="utf-9")


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t")])
@pytest.mark.parametrize(("row", "cells"), [("only one", 1), ("one,two,three", 3)])
def test_row_with_another_number_of_cells_is_reported(write, name, delimiter, row, cells):
    content = f'text,label\n"two\n\nlines",x\n\n{row}\nok,x\n'.replace(",", delimiter)
    path = write(name, content)
    assert error_of(path, text="text").startswith(f"{path}, line 6: {cells} cells where the first row has 2")


@pytest.mark.parametrize("row", ['a,"b\nc,d\n', 'a,"b', '"a,b\nc,d\n'])
def test_unclosed_quote_is_reported_where_it_opens(write, row):
    path = write("a.csv", "text,label\nok,x\n" + row)
    assert re.search(r", line 3: a quote .* is never closed", error_of(path))


def test_text_after_a_closing_quote_is_reported(write):
    assert ", line 2: text follows a closing quote" in error_of(write("a.csv", 'text,label\n"a" b,x\n'))


def test_lone_carriage_return_is_reported(write):
    assert ", line 2: a carriage return outside quotes" in error_of(write("a.csv", "text,label\na,x\rb,y\r"))


def test_duplicate_column_names_are_reported(write, tmp_path):
    for name, content in (("a.csv", "text,label,text\na,b,c\n"), ("a.tsv", "text\ttext\na\tb\n")):
        assert "two columns are named 'text'" in error_of(write(name, content))
    names = [f"c{number}" for number in range(16_000)]  # comparing each with all would take seconds
    assert "two columns are named 'c15999'" in error_of(write("b.csv", ",".join([*names, "c15999"]) + "\n"))
    pq.write_table(pa.Table.from_arrays([pa.array(["a"])] * 2, names=["text", "text"]), tmp_path / "a.parquet")
    assert "two columns are named 'text'" in error_of(tmp_path / "a.parquet")
    assert ", line 1: not valid JSON (a key occurs twice)" in error_of(write("a.jsonl", '{"text": "a", "text": "b"}'))


@pytest.mark.parametrize("option", ["text", "label"])
def test_missing_column_is_reported_with_the_columns(write, labelled_format, option):
    path = write(f"a.{labelled_format}", GOOD)
    assert error_of(path, **{option: "stars"}) == f"{path}: no column 'stars'; it has: text, label"
    assert error_of(path, **{option: "Lable"}).endswith("it has: text, label; did you mean 'label'?")
    wide = write("wide.csv", ",".join(f"q{n}" for n in range(50)) + "\n")
    assert error_of(wide, **{option: "stars"}).endswith("q28, q29 and 20 more")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt"])
def test_empty_file_is_reported(write, name):
    assert re.search(r"a\.\w+: (empty|no rows); it should hold at least one text", error_of(write(name, b"")))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.parquet"])
def test_header_without_rows_is_reported(write, name):
    assert error_of(write(name, [])).endswith("no rows; it should hold at least one text")


def test_address_is_reported():
    assert "an address; download the file and pass its path" in error_of("https://example.com/reviews.csv")


@pytest.mark.parametrize("name", ["no.csv", "no.tsv", "no.jsonl", "no.parquet", "no.txt", "no.csv.gz", "no"])
def test_missing_file_is_reported(tmp_path, name):
    assert error_of(tmp_path / name).startswith(f"{tmp_path / name}: no such file")


def test_unknown_extension_is_reported(write):
    assert "no format reads this file extension" in error_of(write("a.xyz", "text"))


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz", "a.jsonl.zst"])
def test_damaged_file_is_reported(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is none of it" * 10)
    assert re.search("not a Parquet file|not compressed, although its name ends in", error_of(tmp_path / name))


def test_truncated_gzip_file_is_reported(write):
    path = write("a.csv.gz", [(str(n), str(n)) for n in range(5000)])
    path.write_bytes(path.read_bytes()[:-100])
    assert "cannot be read" in error_of(path)


def test_damaged_parquet_page_is_reported(write):
    path = write("a.parquet", [(str(n) * 50, "x") for n in range(5000)])
    content = bytearray(path.read_bytes())
    content[2000:6000] = bytes(4000)
    path.write_bytes(content)
    assert "damaged" in error_of(path)


def test_parquet_text_that_is_not_utf8_is_reported(tmp_path):
    texts = pa.array([b"fine", b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    assert re.search(r"a\.parquet: damaged \(.*UTF8", error_of(tmp_path / "a.parquet"))


def test_parquet_column_of_another_type_is_reported(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "label": [0.5]}), tmp_path / "a.parquet")
    assert "the column 'label' is of type double; store it as strings" in error_of(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"text": "a"', "not valid JSON"),
        ('{"text": Infinity}', "not valid JSON (Infinity is not JSON)"),
        ('["a"]', "not an object"),
        ('{"other": "a"}', "no value for 'text'"),
        ('{"text": ["a"]}', "'text' must be a string, not list"),
        ('{"text": {"en": "a", "de": "b"}}', "'text' must be a string, not dict; write its fields (en, de) as columns"),
        ('{"text": "\\ud800"}', "half of a surrogate pair"),
        ('{"text": ' + "[" * 100_000 + "}", "not valid JSON"),
    ],
)
def test_malformed_json_line_is_reported(write, line, complaint):
    path = write("a.jsonl", f'{{"text": "ok"}}\n\n{line}\n')
    message = error_of(path)
    assert message.startswith(f"{path}, line 3: ")
    assert complaint in message


def test_folder_without_data_is_reported(tmp_path):
    (tmp_path / "notes.md").write_text("none")
    (tmp_path / "deep").mkdir()
    assert error_of(tmp_path).startswith(f"{tmp_path}: nothing to read")


def test_file_read_as_folders_is_reported(write):
    assert "no texts found" in error_of(write("a.csv", GOOD), format="folders")


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_folder_read_as_a_file_is_reported(tmp_path, name):
    assert "cannot be read" in error_of(tmp_path, format=name)


def test_unknown_option_values_are_reported(write):
    path = write("a.csv", GOOD)
    with pytest.raises(ConfigError, match="choose one of error, drop, keep"):
        load_dataset(path, empty="ignore")
    with pytest.raises(ConfigError, match="unknown format 'xls'"):
        load_dataset(path, format="xls")


def test_endless_line_is_reported(write, monkeypatch):
    monkeypatch.setattr("textgraft.data.text_files.ROW_BYTES", 1000)
    path = write("a.txt", "short\n" + "long " * 1000)
    assert error_of(path).startswith(f"{path}, line 2: a row of over 8 MiB; split it")


def test_unwritable_temporary_folder_is_reported(write, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    assert "set TMPDIR to a folder with enough space" in error_of(write("a.csv", GOOD))
