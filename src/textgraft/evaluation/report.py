"""Metrics as tables for people."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_MOST_CONFUSION_COLUMNS = 12


def render(metrics: dict[str, Any]) -> RenderableType:
    """What `metrics.classification` returned, as a summary, a table per class and a confusion matrix."""
    parts: list[RenderableType] = [_summary(metrics, ("accuracy", "macro_f1")), _per_class(metrics)]
    if len(metrics["labels"]) <= _MOST_CONFUSION_COLUMNS:
        parts.append(_confusion(metrics))
    else:
        parts.append(Text(f"confusion matrix of {len(metrics['labels'])} labels: see --json"))
    return Group(*parts)


def render_label_sets(metrics: dict[str, Any]) -> RenderableType:
    """What `label_sets.label_set_metrics` returned, as a summary and a table per label."""
    return Group(_summary(metrics, ("label_set_accuracy", "micro_f1", "macro_f1")), _per_class(metrics))


def render_numbers(metrics: dict[str, Any]) -> RenderableType:
    """What `numbers.number_metrics` returned, as a summary."""
    return _summary(metrics, ("pearson", "spearman", "mae", "rmse"))


def _summary(metrics: dict[str, Any], names: Sequence[str]) -> Table:
    table = Table(title=f"{metrics['texts']} texts", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    table.add_row("loss", f"{metrics['loss']:.4f}", "")
    for name in names:
        low, high = metrics[f"{name}_interval"]
        table.add_row(name, f"{metrics[name]:.4f}", f"{low:.4f} to {high:.4f}")
    return table


def _per_class(metrics: dict[str, Any]) -> Table:
    table = Table(title="per label", title_justify="left")
    table.add_column("label")
    extra = ["threshold"] if any("threshold" in values for values in metrics["per_class"].values()) else []
    for name in ("precision", "recall", "f1", "support", *extra):
        table.add_column(name, justify="right")
    for label, values in metrics["per_class"].items():
        numbers = [f"{values[name]:.4f}" for name in ("precision", "recall", "f1")]
        table.add_row(Text(label), *numbers, str(values["support"]), *(f"{values[name]:.4f}" for name in extra))
    return table


def _confusion(metrics: dict[str, Any]) -> Table:
    table = Table(title="confusion matrix", title_justify="left")
    table.add_column("true \\ predicted")
    for label in metrics["labels"]:
        table.add_column(Text(label), justify="right")
    for label, counts in zip(metrics["labels"], metrics["confusion"], strict=True):
        table.add_row(Text(label), *map(str, counts))
    return table
