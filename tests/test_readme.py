"""README.md: every command runs, in this process where it is textgraft's, on small files and a tiny model."""

import json
import os
import re
import shlex
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from tests.helpers.commands import run, write_csv
from tests.helpers.paths import TESTS
from textgraft.backbones import preset_sources

ROOT = TESTS.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]
TEXTGRAFT = [line for line in COMMANDS if "textgraft" in line]
SHELL = [line for line in COMMANDS if "textgraft" not in line]
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)
# What keeps a command from changing the machine or running these tests again.
DRY_RUN = {
    "make": "--dry-run",
    "pip": "--dry-run --quiet --disable-pip-version-check --no-build-isolation",
    "python3": "--without-pip",
}


@pytest.fixture
def tiny_minilm(tiny_word_vectors, monkeypatch):
    """A tiny preset under the name of the built-in one."""
    resolved = preset_sources.ResolvedPreset(tiny_word_vectors)
    monkeypatch.setattr(preset_sources.Wheel, "resolve", lambda *_, **__: resolved)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own-data")
    reviews = (resources.files("textgraft") / "demo" / "reviews.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [(row["text"][:60], row["label"]) for row in map(json.loads, reviews[:60])]
    write_csv(folder / "reviews.csv", rows[:40])
    write_csv(folder / "more-reviews.csv", rows[40:])
    people, places = ("Ada", "Charles", "Mary", "George"), ("London", "Paris", "Rome")
    sentences = [f"{who} B-PER\nlives O\nin O\n{place} B-LOC\n. O\n" for who in people for place in places]
    (folder / "train.conll").write_text("\n".join(sentences), encoding="utf-8")
    return folder


def test_commands_of_quick_start_are_found():
    assert SHELL[:2] == ["make demo", "make test"]
    assert any(line.startswith("textgraft train") for line in TEXTGRAFT)


@pytest.mark.parametrize(
    "command",
    [pytest.param(line, marks=pytest.mark.slow) if line.startswith("pip") else line for line in dict.fromkeys(SHELL)],
)
def test_shell_command_runs(command, tmp_path):
    for name in (
        "requirements.lock",
        "requirements-test.lock",
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "Makefile",
        "src",
    ):
        (tmp_path / name).symlink_to(ROOT / name)
    environment = Path(sys.executable).parents[1]
    if command.startswith("."):
        (tmp_path / ".venv").symlink_to(environment)
        command += " && textgraft --version"
    command = f"{command} {DRY_RUN.get(command.split()[0], '')}"
    path = f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.usefixtures("tiny_minilm")
def test_textgraft_commands_run_in_order(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for line in TEXTGRAFT:
        *echo, command = line.split(" | ")
        stdin = f"{shlex.split(echo[0])[1]}\n" if echo else None
        result = run(*shlex.split(command)[1:], stdin=stdin)
        assert result.exit_code == 0, f"{line}\n{result.output}"


@pytest.mark.usefixtures("tiny_minilm")
def test_python_code_runs(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for code in PYTHON:
        exec(compile(code, "README.md", "exec"), {})


def test_transcript_shows_a_gain_over_the_baseline():
    accuracies = dict(re.findall(r"│ (TF-IDF|minilm)[^│]*│ (0\.\d{3}) ", README))
    assert float(accuracies["minilm"]) > float(accuracies["TF-IDF"])
