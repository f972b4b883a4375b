"""Log lines of commands on standard error."""

from collections.abc import Mapping

import typer

from textgraft.errors import counted


def log(*lines: str) -> None:
    """Print lines to standard error."""
    for line in lines:
        typer.echo(line, err=True)


def log_truncation(name: str, truncated: Mapping[str, int], sequence_length: int | None) -> None:
    """Log the numbers of truncated "texts" and of their dropped "tokens", if there are any."""
    if truncated["texts"]:
        counts = f"{counted(truncated['texts'], 'text')} truncated to {sequence_length} tokens"
        log(f"{name}: {counts} ({counted(truncated['tokens'], 'token')} dropped)")
