"""The command line, run in this process."""

import csv
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from textgraft.cli.app import make_app


def run(*arguments: object, stdin: str | None = None) -> Result:
    """Run `textgraft` with these arguments."""
    return CliRunner().invoke(make_app(), [str(argument) for argument in arguments], input=stdin)


def assert_fails(result: Result, exit_code: int, *phrases: str) -> None:
    """Assert that a command failed with one line of error that has these phrases."""
    assert result.exit_code == exit_code, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    for phrase in phrases:
        assert phrase in errors[0]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> Path:
    """Write a CSV file with the columns text and label."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path
