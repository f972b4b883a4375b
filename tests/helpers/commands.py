"""The command line, run in this process or in one of its own."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

from click.testing import Result
from typer.testing import CliRunner

from textgraft.cli.app import make_app


def run(*arguments: object, stdin: str | None = None, report: bool = False) -> Result:
    """Run `textgraft` with these arguments; `train` writes a report only where one is asked for, which takes time."""
    words = [str(argument) for argument in arguments]
    words += ["--no-report"] if words[:1] == ["train"] and not report else []
    with mock.patch.object(sys, "argv", ["textgraft", *words]):  # which the model folder keeps
        return CliRunner().invoke(make_app(), words, input=stdin)


def run_successfully(*arguments: object, stdin: str | None = None, report: bool = False) -> Result:
    """Run `textgraft` with these arguments, and assert that it succeeds; `report`: see `run`."""
    result = run(*arguments, stdin=stdin, report=report)
    assert result.exit_code == 0, result.output
    return result


def assert_fails(result: Result, exit_code: int, *phrases: str) -> None:
    """Assert that a command failed with one line of error that has these phrases."""
    assert result.exit_code == exit_code, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    for phrase in phrases:
        assert phrase in errors[0]


def start_process(
    *arguments: object, cwd: Path | None = None, before: str = "", **environment: str
) -> subprocess.Popen:
    """Start `textgraft` with these arguments as a process, after other Python code if there is any.

    Its output and errors go to `stdout`.
    """
    program = ["-c", f"{before}\nfrom textgraft.cli import main\nmain()"] if before else ["-m", "textgraft"]
    command = [sys.executable, *program, *map(str, arguments)]
    environment = {**os.environ, **environment}
    return subprocess.Popen(command, cwd=cwd, env=environment, stdin=-1, stdout=-1, stderr=subprocess.STDOUT, text=True)


def wait_for(process: subprocess.Popen, folder: Path, pattern: str) -> None:
    """Wait until a path matches the pattern in the folder, while the process runs."""
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)


def write_csv(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    """Write a CSV file with a header."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_conll(path: Path, rows: list[tuple[str, str]]) -> Path:
    """Write a CoNLL file of texts and their tags, separated by spaces."""
    texts = [
        "".join(f"{word}\t{tag}\n" for word, tag in zip(words.split(), tags.split(), strict=True))
        for words, tags in rows
    ]
    path.write_text("\n".join(texts) + "\n")
    return path


# Texts and their tags.
TAGGED_ROWS = [
    ("the film was good", "O B-X O O"), ("a dull plot .", "O O B-X O"), ("very bad film", "B-Y I-Y B-X"),
] * 8  # fmt: skip
