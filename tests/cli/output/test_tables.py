"""Tables of predictions: any format reads back what was written, and a failed run leaves no file."""

import csv
import datetime
import errno
import gc
import io
import json
import zipfile

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from textgraft.cli.output.files import Destination, require_output
from textgraft.cli.output.sheets import SheetTable
from textgraft.cli.output.tables import TABLES, TableColumns, open_table, require_delimited
from textgraft.errors import ConfigError, DataError

COLUMNS = TableColumns(("text", "n"), ("prediction", "probability"))
COPIED = {"text": ["one, two", 'say "hi"\nthere', "one\rtwo", "=1+1\tx"], "n": ["01", None, "", "-"]}
ANSWERS = [["a", "b", "c", "@d"], [0.25, 0.5, 1.0, 0.125]]
ROWS = list(zip(*COPIED.values(), *ANSWERS, strict=True))


def struct(columns):
    arrays = [values if isinstance(values, pa.Array) else pa.array(values) for values in columns.values()]
    return pa.StructArray.from_arrays(arrays, list(columns))


def write(path, columns, copied, answers, times=1, **options):
    with open_table(Destination(path, **options), columns) as table:
        for _ in range(times):
            table.write(struct(copied), answers)
    return path


def read(path):
    """The cells of all rows below the header."""
    if path.suffix in (".csv", ".tsv"):
        with path.open(newline="") as file:
            return list(csv.reader(file, delimiter={".csv": ",", ".tsv": "\t"}[path.suffix]))[1:]
    if path.suffix == ".jsonl":
        return [list(json.loads(line).values()) for line in path.read_text().splitlines()]
    if path.suffix == ".xlsx":
        return [list(row) for row in openpyxl.load_workbook(path).active.iter_rows(min_row=2, values_only=True)]
    return [list(row.values()) for row in pq.read_table(path).to_pylist()]


@pytest.mark.parametrize("suffix", TABLES)
def test_round_trip(tmp_path, suffix):
    path = write(tmp_path / f"out{suffix}", COLUMNS, COPIED, ANSWERS, times=2)
    if suffix in (".csv", ".tsv"):
        expected = [["" if cell is None else str(cell) for cell in row] for row in ROWS]
    elif suffix == ".xlsx":  # XML ends lines by \n, and has no empty strings
        expected = [[(cell or None) if isinstance(cell, str) else cell for cell in row] for row in ROWS]
        expected[2][0] = "one\ntwo"
    else:
        expected = list(map(list, ROWS))
    assert read(path) == 2 * expected
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_sheet_holds_no_formulas(tmp_path):
    sheet = openpyxl.load_workbook(write(tmp_path / "out.xlsx", COLUMNS, COPIED, ANSWERS)).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if isinstance(cell.value, str)} <= {"s"}


def test_texts_that_a_sheet_cannot_hold_are_counted(tmp_path, capsys):
    texts = ["a\x00\x1bb", "x" * 32_768, "c\n"]
    path = write(tmp_path / "out.xlsx", TableColumns(("text",), ("prediction",)), {"text": texts}, [["p"] * 3])
    assert [row[0] for row in read(path)] == ["a\ufffd\ufffdb", "x" * 32_767, "c\n"]
    logged = capsys.readouterr().err
    assert "1 text cut to the 32,767 characters of a cell" in logged
    assert "control characters replaced in 1 text" in logged


@pytest.mark.filterwarnings("error")
def test_sheet_on_a_full_disk_leaves_no_open_archive():
    class FullDisk(io.BytesIO):
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    disk = FullDisk()
    table = SheetTable(disk)
    table.append(["a text"])
    with pytest.raises(OSError, match="No space left"):
        table.close()
    table.discard()
    disk.close()
    del table
    gc.collect()  # of an archive that is still open


TYPED = {
    "when": pa.array([datetime.datetime(2020, 1, 2), None]), "x": pa.array([1.5, float("nan")]),
    "i": pa.array([1, None]),
    "b": pa.array([True, False]), "l": pa.array([[1, 2], None]), "y": pa.array([b"a", b"\xff"]),
}  # fmt: skip
TYPED_COLUMNS = TableColumns(tuple(TYPED), ("prediction",))


def test_values_of_the_input_keep_their_types(tmp_path):
    answers = [[["a", "b"], []]]
    table = pq.read_table(write(tmp_path / "out.parquet", TYPED_COLUMNS, TYPED, answers))
    assert {name: table.schema.field(name).type for name in TYPED} == {name: TYPED[name].type for name in TYPED}
    assert table["prediction"].to_pylist() == ['["a", "b"]', "[]"]
    assert read(write(tmp_path / "out.jsonl", TYPED_COLUMNS, TYPED, answers)) == [
        ["2020-01-02 00:00:00", 1.5, 1, True, [1, 2], "a", ["a", "b"]], [None, None, None, False, None, "\ufffd", []],
    ]  # fmt: skip
    assert read(write(tmp_path / "out.csv", TYPED_COLUMNS, TYPED, answers)) == [
        ["2020-01-02 00:00:00", "1.5", "1", "true", "[1, 2]", "a", '["a", "b"]'],
        ["", "", "", "false", "", "\ufffd", "[]"],
    ]  # fmt: skip


def test_json_texts_of_the_input_keep_their_spelling(tmp_path):
    columns = TableColumns(("a", "b"), ("prediction",), copied_as_json=True)
    copied = {"a": ['"x \\" y"', "1.50"], "b": ['{"z": [1.0]}', "null"]}
    path = write(tmp_path / "out.jsonl", columns, copied, [["p", 1]])
    assert path.read_text().splitlines() == [
        '{"a": "x \\" y", "b": {"z": [1.0]}, "prediction": "p"}', '{"a": 1.50, "b": null, "prediction": 1}',
    ]  # fmt: skip
    assert read(write(tmp_path / "out.csv", columns, copied, [["p", "q"]])) == [
        ['x " y', '{"z": [1.0]}', "p"], ["1.50", "", "q"],
    ]  # fmt: skip


FORMULAS = ["=1+1", "+1", "-1", "@a", "\ta", "\rb", "\nc", "＝1", "＋1", "－1", "＠a"]
PLAIN = ["a=1", "'=1", " =1", "", "é", "1-1", "#N/A", "http://a"]


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_formulas_are_escaped_where_that_is_asked_for(tmp_path, suffix):
    texts = [*FORMULAS, *PLAIN]
    columns = TableColumns(("=text", "n"), ("-prediction", "probability"))
    copied = {"=text": texts, "n": pa.array([-1.5] * len(texts))}
    answers = [texts, [-0.5] * len(texts)]
    path = write(tmp_path / f"out{suffix}", columns, copied, answers, escape_formulas=True)
    escaped = [*(f"'{text}" for text in FORMULAS), *PLAIN]
    assert read(path) == [[text, "-1.5", text, "-0.5"] for text in escaped]
    assert path.read_text().splitlines()[0].replace("\t", ",") == "'=text,n,'-prediction,probability"
    path = write(tmp_path / f"as-they-are{suffix}", columns, copied, answers)
    assert read(path) == [[text, "-1.5", text, "-0.5"] for text in texts]


def test_tables_without_formulas_refuse_to_escape_them(tmp_path):
    for suffix in (".jsonl", ".parquet", ".xlsx"):
        with pytest.raises(ConfigError, match=rf"for \.csv and \.tsv; {suffix} has no formulas: drop it"):
            require_delimited(Destination(tmp_path / f"out{suffix}", escape_formulas=True))
        require_delimited(Destination(tmp_path / f"out{suffix}"))
    require_delimited(Destination(tmp_path / "OUT.TSV", escape_formulas=True))
    require_delimited(Destination(None, escape_formulas=True))
    with pytest.raises(ConfigError, match="drop it"):
        require_delimited(Destination(None, escape_formulas=True), ".jsonl")


def test_sheets_have_no_formulas_errors_or_links(tmp_path):
    texts = [*FORMULAS, *PLAIN, '=HYPERLINK("http://a")', "#REF!", "1", "2020-01-01", "true"]
    columns = TableColumns(("=1+1",), ('=cmd|" /C calc"!A0',))
    path = write(tmp_path / "out.xlsx", columns, {"=1+1": texts}, [texts])
    cells = [cell for row in openpyxl.load_workbook(path).active.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
    assert not any(cell.hyperlink for cell in cells)
    assert "<f>" not in zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()


def test_nothing_is_left_of_a_failed_run(tmp_path):
    with pytest.raises(RuntimeError), open_table(Destination(tmp_path / "out.csv"), COLUMNS) as table:  # noqa: PT012
        table.write(struct(COPIED), ANSWERS)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_table_without_rows_has_its_columns(tmp_path):
    with open_table(Destination(tmp_path / "out.parquet"), COLUMNS):
        pass
    assert pq.read_table(tmp_path / "out.parquet").column_names == ["text", "n", "prediction", "probability"]


def test_a_file_that_is_there_is_kept(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("mine")
    with pytest.raises(DataError, match="--overwrite"), open_table(Destination(path), COLUMNS):
        pass
    assert path.read_text() == "mine"
    with open_table(Destination(path, overwrite=True), COLUMNS) as table:
        table.write(struct(COPIED), ANSWERS)
    assert path.read_text() != "mine"


def test_output_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"out\.xls: choose a name that ends in \.csv, \.tsv, \.jsonl"):
        require_output(tmp_path / "out.xls", TABLES, overwrite=False)
    with pytest.raises(DataError, match="absent is not a folder; create it first"):
        require_output(tmp_path / "absent" / "out.csv", TABLES, overwrite=False)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder; choose the name of a file"):
        require_output(tmp_path / "folder.csv", TABLES, overwrite=True)
    require_output(tmp_path / "OUT.CSV", TABLES, overwrite=False)
