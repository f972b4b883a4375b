"""Log lines of commands on standard error."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import typer

from textgraft.data.columns import Reading
from textgraft.errors import counted
from textgraft.options import option_fields
from textgraft.terminal.escaping import printable, printable_json
from textgraft.training.config import TrainingConfig

_LEAK_OPTIONS = ("allow_leaks", "drop_conflicts", "drop_duplicates")
_OTHER_OPTIONS = ("overwrite", "validation", "test", "split", "unseen", "descriptions", *_LEAK_OPTIONS)


def log(*lines: str) -> None:
    """Print lines to standard error, escaped and shortened, with the options in them as flags."""
    for line in lines:
        typer.echo(printable(with_flags(line)), err=True)


def with_flags(message: str) -> str:
    """A message of the library, which names options as Python does, for the command line: "set --text to ..."."""
    return _named_options().sub(lambda match: f"set --{match[1].replace('_', '-')}", message)


@cache
def _named_options() -> re.Pattern[str]:
    names = "|".join((*option_fields(Reading), *option_fields(TrainingConfig), *_OTHER_OPTIONS))
    return re.compile(rf"\bset ({names})\b(?!=)")


def log_truncation(name: str, truncated: Mapping[str, int], sequence_length: int | None) -> None:
    """Log the numbers of truncated "texts" and of their dropped "tokens", if there are any."""
    if truncated["texts"]:
        counts = f"{counted(truncated['texts'], 'text')} truncated to {sequence_length} tokens"
        log(f"{name}: {counts} ({counted(truncated['tokens'], 'token')} dropped)")


def describe_proof(proof: Mapping[str, Any]) -> str:
    """A line about a proof of int8, as `TrainableTask.quantize`, `TextEmbedder.quantize` and exports return it."""
    agreement, texts = proof["agreement"], counted(proof["texts"], "text")
    parts = f"; in float32: {', '.join(proof['float32'])}" if proof.get("float32") else ""
    if "least" in proof:
        return (
            f"int8: mean {proof['metric']} to float32 {agreement:.4f}, at least {proof['least']:.4f} ({texts}){parts}"
        )
    lost = f"{100 * abs(proof['lost']):.2f} points of {proof['metric']} {'gained' if proof['lost'] < 0 else 'lost'}"
    return f"int8: {agreement:.2%} of the answers as in float32, {lost} ({texts}){parts}"


def log_records(records: Iterable[Mapping[str, Any]]) -> None:
    """Print records as lines of JSON to standard error, with control characters as JSON escapes."""
    typer.echo("\n".join(printable_json(json.dumps(record, ensure_ascii=False)) for record in records), err=True)
