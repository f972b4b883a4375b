"""Reports as files: the HTML of a model folder or of an evaluation, and charts as PNG."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from textgraft.data.dataset import Dataset
from textgraft.data.python_inputs import as_path
from textgraft.errors import ConfigError, DataError
from textgraft.report.charts.figure import Chart
from textgraft.report.collecting import FURTHER_CHARACTERS, ReportedEvaluation
from textgraft.report.facts import ReportFacts
from textgraft.report.page import draw_charts, report_page
from textgraft.storage.atomic_files import atomic_file
from textgraft.storage.disk import disk_errors
from textgraft.task_specs import task_spec
from textgraft.tasks.row_results import RowResult


def report_file(facts: ReportFacts, charts: Mapping[str, Chart] | None = None) -> bytes:
    """The content of report.html; `charts` are those of the facts, which are drawn by default."""
    return report_page(facts, draw_charts(facts) if charts is None else charts).encode()


def write_report_file(path: Path, content: bytes) -> None:
    """Write a file, which takes its name when it is complete; a DataError says why it cannot be written."""
    with disk_errors("write", path, kind=DataError), atomic_file(path) as file:
        file.write(content)


def write_charts(folder: Path, charts: Mapping[str, Chart]) -> None:
    """Write a PNG file for each chart into a folder, which is created; a DataError says why one cannot be written."""
    with disk_errors("create", folder, kind=DataError):
        folder.mkdir(parents=True, exist_ok=True)
    for name, chart in charts.items():
        write_report_file(folder / f"{name}.png", chart.png())


def write_report(
    model: Any,
    data: Any,
    path: str | Path,
    *,
    labels: Any = None,
    text: str | None = None,
    label: str | None = None,
    pair: str | None = None,
    slices: Mapping[str, Sequence[Any]] | None = None,
    charts: str | Path | None = None,
) -> dict[str, Any]:
    """Evaluate a model, and write the report as an HTML file, which replaces an existing one.

    Args:
        model: a trained classifier, regression or entity recognizer.
        data: labelled texts, as `evaluate` takes them.
        path: of the file, which quotes at most 20 of the texts.
        labels: as in `evaluate`.
        text: as in `evaluate`.
        label: as in `evaluate`.
        pair: as in `evaluate`.
        slices: values by which the results are divided, one for each text, by name.
        charts: folder for the charts as PNG; None for none.

    Returns:
        the metrics of `evaluate`.

    Raises:
        ConfigError: for a model without labels, numbers or entities.
        DataError: for invalid data, another number of values than texts, or a file that cannot be written.
    """
    if not (isinstance(getattr(model, "name", None), str) and task_spec(model.name).labelled):
        raise ConfigError("write_report takes a model of labels, numbers or entities; other models have no report")
    texts = model.read_test_data(data, labels, text=text, label=label, pair=pair)
    columns = _columns(slices or {}, len(texts), texts.source)
    evaluation, rows = ReportedEvaluation(model), 0

    def add(part: Dataset, results: Sequence[RowResult]) -> None:
        nonlocal rows
        cells = {name: values[rows : rows + len(results)] for name, values in columns.items()}
        evaluation.add(part, results, cells)
        rows += len(results)

    metrics: dict[str, Any] = model.evaluate(texts, on_results=add)
    name = str(model.record.get("run", ""))[:8] or model.name
    facts = evaluation.facts(name, "", texts.source, metrics, FURTHER_CHARACTERS)
    drawn = draw_charts(facts)
    write_report_file(as_path(path, "the report"), report_file(facts, drawn))
    if charts is not None:
        write_charts(as_path(charts, "the charts"), drawn)
    return metrics


def _columns(slices: Mapping[str, Sequence[Any]], texts: int, source: str) -> dict[str, list[Any]]:
    columns = {str(name): list(values) for name, values in slices.items()}
    for name, values in columns.items():
        if len(values) != texts:
            raise DataError(
                f"slices: {name!r:.60} has {len(values):,} values, but {source} has {texts:,} texts; give one each"
            )
    return columns
