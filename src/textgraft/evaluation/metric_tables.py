"""Metrics as `rich` tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from textgraft.data.labels import MAX_LISTED, join_first, show_label
from textgraft.errors import counted
from textgraft.evaluation.span_metrics import OUTCOMES, alignment_notices
from textgraft.terminal.console import cell
from textgraft.terminal.escaping import MAX_LINE

_MAX_MATRIX_LABELS = 12
_MAX_WIDTH = 80


def classification_tables(metrics: dict[str, Any]) -> RenderableType:
    """Summary, metrics per label and confusion matrix of `classification_metrics`."""
    extra = ("answered", "answered_accuracy", "unknown", "set_coverage", "set_size")
    answered = [name for name in extra if name in metrics]
    tables = [_summary(metrics, ("accuracy", "macro_f1", *answered)), _per_label(metrics["per_class"])]
    if "confusion" in metrics:
        table = _confusion_matrix if len(metrics["labels"]) <= _MAX_MATRIX_LABELS else _confusions
        tables.append(table(metrics["labels"], metrics["confusion"]))
    return Group(*tables)


def label_set_tables(metrics: dict[str, Any]) -> RenderableType:
    """Summary and metrics per label of `label_set_metrics`."""
    summary = _summary(metrics, ("label_set_accuracy", "micro_f1", "macro_f1"))
    return Group(summary, _per_label(metrics["per_class"], ("threshold",)))


def regression_table(metrics: dict[str, Any]) -> RenderableType:
    """Summary of `regression_metrics`."""
    return _summary(metrics, ("pearson", "spearman", "mae", "rmse"))


def span_tables(metrics: dict[str, Any]) -> RenderableType:
    """Summary, metrics per label and matching schemes of `span_metrics`, with texts, loss and alignment."""
    schemes = _table("matching schemes (SemEval 2013, task 9)", "scheme", (*OUTCOMES, "f1"))
    for scheme, values in metrics["schemes"].items():
        schemes.add_row(scheme, *(str(values[name]) for name in OUTCOMES), f"{values['f1']:.4f}")
    summary = _summary(metrics, ("f1", "precision", "recall", "macro_f1"))
    lines = [*alignment_notices(metrics["alignment"]), *_dropped_notice(metrics.get("below_min_confidence"))]
    notices = (cell(notice, limit=MAX_LINE) for notice in lines)
    return Group(summary, _per_label(metrics["per_type"]), schemes, *notices)


def _dropped_notice(counts: Mapping[str, int] | None) -> list[str]:
    """A line about the entities that a minimum confidence dropped, by label; none without one."""
    if counts is None:
        return []
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    shown = join_first([f"{show_label(label)} {count:,}" for label, count in ranked[:MAX_LISTED]], len(ranked))
    total = sum(counts.values())
    return [f"entities dropped below the minimum confidence: {total:,}{f' ({shown})' if shown else ''}"]


def _summary(metrics: dict[str, Any], names: Sequence[str]) -> Table:
    table = Table(title=counted(metrics["texts"], "text"), title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    table.add_row("loss", f"{metrics['loss']:.4f}", "")
    for name in names:
        interval = metrics.get(f"{name}_interval")
        table.add_row(name, f"{metrics[name]:.4f}", f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else "")
    return table


def _confusion_matrix(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    """Texts by true and predicted label; columns have numbers where names would need more than 80 characters."""
    width = sum(len(label) + 3 for label in labels) + max(map(len, labels))
    numbers = [str(number) for number in range(1, len(labels) + 1)]
    is_narrow = width <= _MAX_WIDTH
    table = _table("confusion matrix", "true \\ predicted", labels if is_narrow else numbers)
    for number, label, row in zip(numbers, labels, counts, strict=True):
        table.add_row(cell(label if is_narrow else f"{number} {label}"), *map(str, row))
    return table


def _confusions(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Table:
    """The pairs of labels that were confused most often."""
    pairs = [
        (count, true, predicted)
        for true, row in enumerate(counts)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    pairs.sort(key=lambda pair: (-pair[0], *pair[1:]))
    table = _table("most frequent confusions", "true", ("predicted", "texts"))
    for count, true, predicted in pairs[:MAX_LISTED]:
        table.add_row(cell(labels[true]), cell(labels[predicted]), str(count))
    return _with_caption(table, len(pairs))


def _with_caption(table: Table, rows: int) -> Table:
    if rows > MAX_LISTED:
        table.caption, table.caption_justify = f"{rows - MAX_LISTED:,} more; all in --json", "left"
    return table


def _per_label(metrics: dict[str, dict[str, Any]], more: Sequence[str] = ()) -> Table:
    """The metrics of each label, or of the 20 with most texts."""
    table = _table("per label", "label", ("precision", "recall", "f1", "support", *more))
    for label, values in _frequent_labels(metrics).items():
        ratios = [f"{values[name]:.4f}" for name in ("precision", "recall", "f1")]
        table.add_row(cell(label), *ratios, str(values["support"]), *(f"{values[name]:.4f}" for name in more))
    return _with_caption(table, len(metrics))


def _frequent_labels(metrics: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The metrics of the 20 labels with most texts, in their order."""
    ranked = sorted(metrics, key=lambda label: -metrics[label]["support"])[:MAX_LISTED]
    return {label: metrics[label] for label in metrics if label in set(ranked)}


def _table(title: str, row_header: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(row_header)
    for column in columns:
        table.add_column(cell(column), justify="right")
    return table
