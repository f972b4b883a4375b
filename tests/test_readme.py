"""Every command of the README is run, in a folder with files of the names it speaks of."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import textgraft

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines() if line.strip()
]
MAKE = [line for line in COMMANDS if line.startswith("make ")]
OWN_FILE = [line for line in COMMANDS if not line.startswith(("make ", "git ", "cd "))]
PYTHON = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own-file")
    lines = (Path(textgraft.__file__).parent / "demo" / "reviews.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for name, part in (("reviews.csv", rows[:80]), ("more-reviews.csv", rows[80:120])):
        quoted = ['"' + row["text"][:300].replace('"', '""') + f'",{row["label"]}' for row in part]
        (folder / name).write_text("\n".join(["text,label", *quoted]) + "\n", encoding="utf-8")
    people, places = ("Ada", "Charles", "Mary", "George", "Emmy"), ("London", "Paris", "Berlin", "Rome")
    sentences = [f"{who} B-PER\nlives O\nin O\n{place} B-LOC\n. O\n" for who in people for place in places]
    (folder / "train.conll").write_text("\n".join(sentences), encoding="utf-8")
    (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    return folder


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_are_commands():
    assert {"make demo", "make test"} <= set(MAKE)
    assert [line for line in OWN_FILE if line.startswith("textgraft train")]


@pytest.mark.parametrize("command", MAKE)
def test_make_knows_the_target(command):
    """The tests themselves, and the demo's, run what these targets run."""
    assert run(f"{command} --dry-run", ROOT).returncode == 0


def test_the_own_file_commands_in_order(folder):
    for command in OWN_FILE:
        result = run(command, folder)
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"


def test_the_python_lines(folder):
    for code in PYTHON:
        result = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{code}\n{result.stderr}"


def test_the_transcript_is_of_the_demo():
    accuracies = dict(re.findall(r"│ (TF-IDF|minilm)[^│]*│ (0\.\d{3}) ", README))
    assert float(accuracies["minilm"]) > float(accuracies["TF-IDF"])
