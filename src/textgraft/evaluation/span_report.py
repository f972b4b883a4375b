"""Metrics of spans as tables for people."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_OUTCOMES = ("correct", "incorrect", "partial", "missed", "spurious")


def render(metrics: dict[str, Any]) -> RenderableType:
    """What `spans.tagging` returned, as a summary, a table per label, and the other ways to count."""
    return Group(_summary(metrics), _per_type(metrics), _schemes(metrics))


def _summary(metrics: dict[str, Any]) -> Table:
    table = Table(title=f"{metrics['texts']} texts", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95 % interval")
    table.add_row("loss", f"{metrics['loss']:.4f}", "")
    for name in ("f1", "precision", "recall", "macro_f1"):
        interval = metrics.get(f"{name}_interval")
        table.add_row(name, f"{metrics[name]:.4f}", f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else "")
    return table


def _per_type(metrics: dict[str, Any]) -> Table:
    table = Table(title="per label", title_justify="left")
    table.add_column("label")
    for name in ("precision", "recall", "f1", "support"):
        table.add_column(name, justify="right")
    for label, values in metrics["per_type"].items():
        numbers = [f"{values[name]:.4f}" for name in ("precision", "recall", "f1")]
        table.add_row(Text(label), *numbers, str(values["support"]))
    return table


def _schemes(metrics: dict[str, Any]) -> Table:
    table = Table(title="ways to count (SemEval 2013, task 9)", title_justify="left")
    table.add_column("scheme")
    for name in (*_OUTCOMES, "f1"):
        table.add_column(name, justify="right")
    for scheme, values in metrics["schemes"].items():
        table.add_row(scheme, *(str(values[name]) for name in _OUTCOMES), f"{values['f1']:.4f}")
    return table
