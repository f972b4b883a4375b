"""Log lines of commands on standard error."""

from collections.abc import Mapping
from typing import Any

import typer

_SEEN = {"train": "trained on", "validation": "validated on", "adaptation": "adapted to"}


def log(*lines: str) -> None:
    """Print lines to standard error."""
    for line in lines:
        typer.echo(line, err=True)


def log_truncation(name: str, truncated: Mapping[str, int], sequence_length: int | None) -> None:
    """Log the numbers of truncated "texts" and of their dropped "tokens", if there are any."""
    if truncated["texts"]:
        counts = f"{truncated['texts']:,} texts truncated to {sequence_length} tokens"
        log(f"{name}: {counts} ({truncated['tokens']:,} tokens dropped)")


def describe_seen(name: str, record: Mapping[str, Any], rows: int) -> list[str]:
    """A line about how many of some rows a model has seen, or were excluded, by their `SeenRows.record`, if any."""
    if excluded := record.get("excluded"):
        return [f"{name}: {excluded:,} texts that the model has seen are excluded; {rows:,} remain"]
    about = "about " if record.get("estimated") else ""
    parts = [f"{verb} {about}{record[part]:,}" for part, verb in _SEEN.items() if record.get(part)]
    return [f"{name}: the model was {' and '.join(parts)} of these {rows:,} texts"] if parts else []
