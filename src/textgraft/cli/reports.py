"""Reports of `textgraft train` and `textgraft evaluate`."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.cli.inputs import read_rows
from textgraft.cli.output.files import require_output
from textgraft.cli.output.log import log
from textgraft.cli.output.source_columns import SourceColumns
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.slices import parse_slices
from textgraft.data.text_files import STANDARD_INPUT
from textgraft.errors import ConfigError, DataError

if TYPE_CHECKING:
    from textgraft.model_folder.folder import StoredModel
    from textgraft.report.collecting import ReportedEvaluation
    from textgraft.tasks.row_results import RowResult


def command_line() -> str:
    """The command of this process, as a shell reads it."""
    return shlex.join(["textgraft", *sys.argv[1:]])


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
    slices: Sequence[str]
    overwrite: bool

    def __bool__(self) -> bool:
        return self.file is not None or self.charts is not None

    def check(self, data: str) -> None:
        """Check the options before anything is loaded.

        Raises:
            ConfigError: for slices without a report or of standard input, or a file that is not named .html.
            DataError: for files that exist or cannot be written.
        """
        if self.slices and not self:
            raise ConfigError("--slice is for reports; pass --report FILE, or drop it")
        if self.slices and data == STANDARD_INPUT:
            raise ConfigError("--slice reads the data a second time, which standard input does not allow; name a file")
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

    def __init__(
        self,
        evaluation: "ReportedEvaluation",
        stored: "StoredModel",
        data: str,
        reading: Reading,
        split: str | None,
        slices: Sequence[str],
    ) -> None:
        """Open the source a second time; a DataError reports a column that it lacks."""
        name = None if split is None else parse_slices(split)[0].split
        self._evaluation, self._slices = evaluation, slices
        self._source = SourceColumns(read_rows(stored, data, reading, name, slices)) if slices else None

    def add(self, data: Dataset, results: "Sequence[RowResult]") -> None:
        """Take consecutive rows; a DataError reports a source that changed."""
        if self._source is None:
            self._evaluation.add(data, results)
            return
        cells = self._source.take(data)
        self._evaluation.add(data, results, {name: cells.field(name).to_pylist() for name in self._slices})
