"""Metrics as `rich` tables."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from textgraft.evaluation.span_metrics import OUTCOMES, alignment_notices

_MAX_SHOWN_LABELS = 12


def classification_tables(metrics: dict[str, Any]) -> RenderableType:
    """Summary, metrics per label and confusion matrix of `classification_metrics`."""
    labels = metrics["labels"]
    confusion: RenderableType = Text(f"confusion matrix of {len(labels)} labels: see --json")
    if len(labels) <= _MAX_SHOWN_LABELS:
        confusion = _table("confusion matrix", "true \\ predicted", labels)
        for label, counts in zip(labels, metrics["confusion"], strict=True):
            confusion.add_row(Text(label), *map(str, counts))
    return Group(_summary(metrics, ("accuracy", "macro_f1")), _per_label(metrics["per_class"]), confusion)


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
    notices = map(Text, alignment_notices(metrics["alignment"]))
    return Group(summary, _per_label(metrics["per_type"]), schemes, *notices)


def _summary(metrics: dict[str, Any], names: Sequence[str]) -> Table:
    table = Table(title=f"{metrics['texts']} texts", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    table.add_row("loss", f"{metrics['loss']:.4f}", "")
    for name in names:
        interval = metrics.get(f"{name}_interval")
        table.add_row(name, f"{metrics[name]:.4f}", f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else "")
    return table


def _per_label(metrics: dict[str, dict[str, Any]], more: Sequence[str] = ()) -> Table:
    table = _table("per label", "label", ("precision", "recall", "f1", "support", *more))
    for label, values in metrics.items():
        ratios = [f"{values[name]:.4f}" for name in ("precision", "recall", "f1")]
        table.add_row(Text(label), *ratios, str(values["support"]), *(f"{values[name]:.4f}" for name in more))
    return table


def _table(title: str, row_header: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(row_header)
    for column in columns:
        table.add_column(Text(column), justify="right")
    return table
