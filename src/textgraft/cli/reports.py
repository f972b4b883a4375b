"""Reports of `textgraft train` and `textgraft evaluate`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.cli.command_line import command_line
from textgraft.cli.inputs import read_columns
from textgraft.cli.options import SliceOptions
from textgraft.cli.output.files import require_output
from textgraft.cli.output.log import log
from textgraft.cli.output.source_columns import SourceColumns
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.input_rows import InputRows
from textgraft.errors import DataError, error_summary, warn

if TYPE_CHECKING:
    from textgraft.report.collecting import ReportedEvaluation
    from textgraft.tasks.row_results import OnResults, RowResult


@dataclass(frozen=True)
class ReportOutput:
    """What `textgraft evaluate` writes of a report.

    Attributes:
        file: of the report; None for none.
        charts: folder of PNG files; None for none.
        slices: columns by whose values results are divided.
        overwrite: whether existing files are replaced.
    """

    file: Path | None
    charts: Path | None
    slices: SliceOptions
    overwrite: bool

    def __bool__(self) -> bool:
        return self.file is not None or self.charts is not None

    def check(self, data: str) -> None:
        """Check the options before anything is loaded.

        Raises:
            ConfigError: for slices without a report or of standard input, or a file that is not named .html.
            DataError: for files that exist or cannot be written.
        """
        self.slices.require_report(bool(self), "pass --report FILE, or drop it")
        self.slices.require_file(data)
        if self.file:
            require_output(self.file, (".html",), self.overwrite)
        if self.charts and self.charts.exists() and not self.charts.is_dir():
            raise DataError(f"{self.charts} is not a folder; choose another name for the charts")
        if self.charts and self.charts.is_dir() and any(self.charts.iterdir()) and not self.overwrite:
            raise DataError(f"{self.charts} is not empty; choose another folder or pass --overwrite")

    def write(self, evaluation: "ReportedEvaluation", name: str, source: str, metrics: Mapping[str, Any]) -> None:
        """Write the report and the charts of an evaluation of the model of this name."""
        from textgraft.report.collecting import FURTHER_CHARACTERS
        from textgraft.report.page import draw_charts
        from textgraft.report.writing import report_file, write_charts, write_report_file

        facts = evaluation.facts(name, "", source, metrics, FURTHER_CHARACTERS, command=command_line())
        charts = draw_charts(facts)
        if self.file:
            write_report_file(self.file, report_file(facts, charts))
            log(f"wrote the report {self.file}; it quotes texts of {source}")
        if self.charts:
            write_charts(self.charts, charts)
            log(f"wrote {len(charts)} charts to {self.charts}")


class SlicedResults:
    """Passes rows and their results on, with the cells of columns of their source."""

    def __init__(self, add: "Callable[..., None]", rows: InputRows) -> None:
        """Take where to pass them, and the rows of the source with these columns."""
        self._add, self._names, self._source = add, rows.copied, SourceColumns(rows)

    def add(self, data: Dataset, results: "Sequence[RowResult]") -> None:
        """Take consecutive rows; a DataError reports a source that changed."""
        cells = self._source.take(data)
        self._add(data, results, {name: cells.field(name).to_pylist() for name in self._names})


def divided_if_possible(add: "Callable[..., None]", rows: InputRows) -> "OnResults":
    """Where rows and their results are passed, with the cells of columns as long as these can be read.

    A warning says why they cannot.

    Args:
        add: takes rows, results, and cells by column.
        rows: of the source.
    """
    divided: SlicedResults | None = SlicedResults(add, rows)

    def add_divided(data: Dataset, results: "Sequence[RowResult]") -> None:
        nonlocal divided
        if divided is not None:
            try:
                divided.add(data, results)
                return
            except Exception as error:  # such as those of files that are no longer there
                warn(f"the report is not divided by --slice ({error_summary(error)})")
                divided = None
        add(data, results)

    return add_divided


def sliced_rows(
    slices: SliceOptions, dataset: Dataset, source: str, split: str | None, reading: Reading
) -> InputRows | None:
    """The rows from which a dataset was read, with the columns that divide it; None where there are none.

    Raises:
        ConfigError: for standard input.
        DataError: for a column that the source lacks.
    """
    if not slices.slice:
        return None
    slices.require_file(source)
    return read_columns(dataset, source, split, reading, slices.slice)
