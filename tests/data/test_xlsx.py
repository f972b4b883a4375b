"""Excel workbooks are read as Excel shows them."""

import sys
from datetime import datetime

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.loading import load_dataset
from textgraft.errors import ConfigError, DataError

openpyxl = pytest.importorskip("openpyxl")


@pytest.fixture
def workbook(tmp_path):
    def write(*sheets, name="a.xlsx"):
        book = openpyxl.Workbook()
        book.remove(book.active)
        for title, rows in sheets:
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
        book.save(tmp_path / name)
        return tmp_path / name

    return write


def test_cells_are_read_as_excel_shows_them(workbook):
    labels = ["01", 1, 2.0, 0.5, True, datetime(2024, 5, 1), "  pos  "]
    path = workbook(("Data", [("id", "text", "label"), *((n, f"text {n}", label) for n, label in enumerate(labels))]))
    data = load_dataset(path)
    assert data.labels.tolist() == ["01", "1", "2", "0.5", "TRUE", "2024-05-01", "  pos  "]
    assert texts_of(data)[0] == "text 0"
    assert (data.location(0), data.notices) == (f"{path}, row 2", ())


def test_empty_rows_and_columns_are_not_rows_or_labels(workbook):
    path = workbook(
        ("Data", [(), ("text", "label", None), (), ("one", "x"), ("two\nlines", "y", None), (), ("", None)])
    )
    data = load_dataset(path)
    assert texts_of(data) == ["one", "two\nlines"]
    assert data.location(0).endswith("row 4")


def test_missing_and_faulty_cells_are_reported_with_their_row(workbook):
    path = workbook(("Data", [("text", "label"), ("one", "x"), ("#NAME?", "y")]))
    with pytest.raises(DataError, match=r"row 3: the text is empty \(1 in all\)"):
        load_dataset(path)
    with pytest.raises(DataError, match="row 2: 3 cells where the first row has 2"):
        load_dataset(workbook(("Data", [("text", "label"), ("one", "x", "more")])))


def test_first_sheet_with_cells_is_read_and_others_are_named(workbook):
    rows = [("text", "label"), ("one", "x")]
    path = workbook(("Empty", []), ("Reviews", rows), ("Notes", [("note",)]))
    assert load_dataset(path).notices == (f"{path}: the sheet 'Reviews' is read, ignoring Notes",)


def test_sheet_is_selected_by_its_name(workbook):
    path = workbook(("Notes", [("Export",)]), ("Reviews", [("text", "label"), ("one", "x")]))
    with pytest.raises(DataError, match=r"; the sheet is 'Notes': set sheet to read another \(Reviews\)"):
        load_dataset(path)
    data = load_dataset(path, sheet="Reviews")
    assert (texts_of(data), data.notices) == (["one"], ())
    with pytest.raises(DataError, match=r"no sheet 'reviews'; it has: Notes, Reviews"):
        load_dataset(path, sheet="reviews")
    with pytest.raises(ConfigError, match="this format does not support sheet; drop it"):
        load_dataset(path.with_suffix(".csv"), sheet="Reviews")


def test_header_none_names_the_columns_by_position(workbook):
    path = workbook(("Data", [("spam", "Win a prize"), ("ham", "See you"), ("spam", "Win")]))
    with pytest.raises(DataError, match="row 1: the first row must name the columns"):
        load_dataset(path)
    assert load_dataset(path, header="none", text="2", label="1").label_names == ["ham", "spam"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"PK\x03\x04" + bytes(100), "cannot be read as an Excel workbook"),
        (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    ],
)
def test_damaged_workbook_is_reported(tmp_path, content, problem):
    (tmp_path / "a.xlsx").write_bytes(content)
    with pytest.raises(DataError, match=f"a.xlsx: {problem} .*save the table as CSV"):
        load_dataset(tmp_path / "a.xlsx")


def test_package_that_reads_workbooks_is_named(workbook, monkeypatch):
    path = workbook(("Data", [("text",)]))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigError, match=r"a.xlsx needs openpyxl; pip install 'textgraft\[xlsx\]', or save the sheet"):
        load_dataset(path)
