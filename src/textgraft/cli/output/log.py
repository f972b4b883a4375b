"""Log lines of commands on standard error."""

from collections.abc import Mapping

import typer


def log(*lines: str) -> None:
    """Print lines to standard error."""
    for line in lines:
        typer.echo(line, err=True)


def log_truncation(name: str, truncated: Mapping[str, int], sequence_length: int | None) -> None:
    """Log the numbers of truncated "texts" and of their dropped "tokens", if there are any."""
    if truncated["texts"]:
        counts = f"{truncated['texts']:,} texts truncated to {sequence_length} tokens"
        log(f"{name}: {counts} ({truncated['tokens']:,} tokens dropped)")
