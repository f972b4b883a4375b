"""Reports of rows: every row is written with its result, and the largest errors are shown."""

import csv
import json

from textgraft.cli.output.files import Destination
from textgraft.cli.output.row_report import ResultColumns, RowReport
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.input_rows import read_inputs
from textgraft.data.loading import load_dataset
from textgraft.tasks.row_results import RowResult

TEXTS = ["one", "two\x1b[31m [bold]\nlines", "three " * 30, "four"]
RESULTS = [
    RowResult("a", "a", 0.9, 0.0), RowResult("a", "b", 0.6, 0.6), RowResult("b", "a", 0.8, 0.8),
    RowResult("a", "b", 0.6, 0.6),
]  # fmt: skip


def report_rows(texts, results, columns, max_errors=0, out=None):
    data = Dataset.from_lists(texts)
    with RowReport(columns, max_errors, out and Destination(out)) as report:
        for start in range(0, len(results), 3):
            part = data.take(range(start, min(start + 3, len(results))))
            report.add(part, results[start : start + 3])
    return report


def test_all_rows_are_written(tmp_path):
    report_rows(TEXTS, RESULTS, ResultColumns(), out=tmp_path / "all.csv")
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == TEXTS
    assert rows[1] == {
        "text": TEXTS[1], "truth": "a", "prediction": "b", "confidence": "0.6", "correct": "false",
        "location": "texts, row 2",
    }  # fmt: skip


def test_columns_of_the_source_are_written_beside_results(tmp_path, capsys):
    source = tmp_path / "a.csv"
    source.write_text("id,text,label\n" + "".join(f"{row},text {row % 7},{'xy'[row % 2]}\n" for row in range(5000)))
    data = load_dataset(source).take(range(1, 5000, 3))
    results = [RowResult("x", "y", 0.5, 0.5)] * len(data)
    with RowReport(ResultColumns(), 0, Destination(tmp_path / "out.csv"), rows_of(source)) as report:
        report.add(data.take(range(1000)), results[:1000])
        report.add(data.take(range(1000, len(data))), results[1000:])
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "text", "label", "truth", "prediction", "confidence", "correct", "location"]
    assert [int(row["id"]) for row in rows] == list(range(1, 5000, 3))
    assert all(row["location"].endswith(f"line {int(row['id']) + 2}") for row in rows)
    source.write_text("id,text,label\n1,other,x\n")
    with RowReport(ResultColumns(), 0, Destination(tmp_path / "texts.csv"), rows_of(source)) as report:
        report.add(data, results)
    assert (tmp_path / "texts.csv").read_text().startswith("text,truth,")
    assert "only texts and results are written" in capsys.readouterr().err


def rows_of(source):
    return read_inputs(str(source), None, Reading(), None)


def test_largest_errors_are_shown_in_80_columns(capsys):
    report = report_rows(TEXTS, RESULTS, ResultColumns(), max_errors=2)
    assert [error["location"] for error in report.errors] == ["texts, row 3", "texts, row 2"]
    report.print_errors()
    shown = capsys.readouterr().out
    assert "largest errors (2)" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown
    assert "[bold]" in shown
    report_rows(TEXTS[:1], RESULTS[:1], ResultColumns(), max_errors=2).print_errors()
    assert "no prediction is wrong" in capsys.readouterr().err


def test_sets_are_joined_and_numbers_have_residuals(tmp_path):
    sets = [RowResult(["x", "y"], [], 0.5, 0.5)]
    report_rows(["one"], sets, ResultColumns(separator="|"), out=tmp_path / "sets.jsonl")
    assert json.loads((tmp_path / "sets.jsonl").read_text())["truth"] == "x|y"
    numbers = ResultColumns("residual", has_right=False)
    report_rows(["one"], [RowResult(1.0, 3.5, 2.5, 2.5)], numbers, out=tmp_path / "numbers.csv")
    assert (tmp_path / "numbers.csv").read_text() == (
        'text,truth,prediction,residual,location\none,1.0,3.5,2.5,"texts, row 1"\n'
    )
