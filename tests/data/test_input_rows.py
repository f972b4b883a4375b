"""Rows to predict on carry the columns of their source, in its types."""

import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textgraft.data.columns import Reading
from textgraft.data.input_rows import read_inputs
from textgraft.data.tagged import read_tagged_inputs, tagged_texts
from textgraft.errors import DataError

ROWS = [{"id": "1", "text": "a, b", "n": "-1"}, {"id": "2", "text": "", "n": ""}]


def write_csv(folder):
    (folder / "a.csv").write_text('id,text,n\n1,"a, b",-1\n2,,\n')
    return folder / "a.csv", ROWS


def write_xlsx(folder):
    book = openpyxl.Workbook()
    for row in (("id", "text", "n"), ("1", "a, b", "-1"), ("2", None, None)):
        book.active.append(row)
    book.save(folder / "a.xlsx")
    return folder / "a.xlsx", ROWS


def write_jsonl(folder):
    (folder / "a.jsonl").write_text('{"id": 1.0, "text": "a"}\n{"id": null, "text": null, "n": [1]}\n')
    return folder / "a.jsonl", [
        {"id": "1.0", "text": '"a"', "n": "null"}, {"id": "null", "text": "null", "n": "[1]"},
    ]  # fmt: skip


def write_shards(folder):
    rows = [{"text": "a", "n": 1}, {"text": None, "n": None}]
    for index, row in enumerate(rows):
        table = pa.Table.from_pylist([row], pa.schema([("text", pa.string()), ("n", pa.int64())]))
        pq.write_table(table, folder / f"train-0000{index}-of-00002.parquet")
    return folder, rows


def write_folder(folder):
    (folder / "pos").mkdir()
    (folder / "pos" / "x.txt").write_text("a")
    return folder, [{"text": "a", "label": "pos", "file": "pos/x.txt"}]


def write_lines(folder):
    (folder / "a.txt").write_text("a\n\nb\n")
    return folder / "a.txt", [{"text": text} for text in ("a", "", "b")]


@pytest.mark.parametrize("write", [write_csv, write_xlsx, write_jsonl, write_shards, write_folder, write_lines])
def test_each_row_carries_its_columns(tmp_path, write):
    source, expected = write(tmp_path)
    rows = read_inputs(str(source), None, Reading(), None)
    assert [row for batch in rows for row in batch.column("copied").to_pylist()] == expected
    assert rows.copied == tuple(expected[0])
    assert rows.empty == sum(row["text"] in ("", None, "null") for row in expected)
    chosen = read_inputs(str(source), None, Reading(empty="drop"), [])
    assert sum(len(batch) for batch in chosen) == len(expected) - rows.empty


def test_columns_that_are_absent_or_change_their_type_are_reported(tmp_path):
    source, _ = write_csv(tmp_path)
    with pytest.raises(DataError, match=r"no column 'x' to keep; it has: id, text, n"):
        read_inputs(str(source), None, Reading(), ["id", "x"])
    for index, number in enumerate((1, "x")):
        pq.write_table(pa.table({"text": ["a"], "n": [number]}), tmp_path / f"test-0000{index}-of-00002.parquet")
    with pytest.raises(DataError, match="a column is of one type in some rows and of another in others"):
        list(read_inputs(str(tmp_path / "test-*.parquet"), None, Reading(), None))
    (batch, _) = read_inputs(str(tmp_path / "test-*.parquet"), None, Reading(), ["text"])
    assert batch.column("copied").to_pylist() == [{"text": "a"}]


def test_rows_of_words_carry_their_lists(tmp_path):
    (tmp_path / "a.conll").write_text("Ada\tB-PER\nwrites\tO\n\nRome\tB-LOC\n")
    rows = read_tagged_inputs(str(tmp_path / "a.conll"), None, Reading(), None)
    (batch,) = rows
    assert (rows.copied, rows.has_words) == (("tokens", "tags"), True)
    cells = [json.loads(row["tags"]) for row in batch.column("copied").to_pylist()]
    assert cells == [["B-PER", "O"], ["B-LOC"]]
    assert [text.text for text in tagged_texts(batch)] == ["Ada writes", "Rome"]
