"""Commands on local files open no connection; those that download do so only when they may."""

import json
import os
import subprocess
import sys

import pytest

from tests.helpers.commands import write_csv

ROWS = [(f"{label} film {row}", label) for row in range(20) for label in ("good", "bad")]

# Runs each command in one process, in which connections and look-ups of hosts are refused and reported.
SCRIPT = """
import json, sys
from typer.testing import CliRunner
attempts = []
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        attempts.append(f"{event} {arguments}")
        raise OSError("no network in this test")
sys.addaudithook(watch)
from textgraft.cli.app import make_app
for command in json.loads(sys.argv[1]):
    attempts.clear()
    result = CliRunner().invoke(make_app(), command)
    print(json.dumps([command[0], result.exit_code, attempts, result.stderr[-500:]]))
"""


def run_without_network(*commands):
    """Name, exit code, attempts to connect, and errors, of each command."""
    environment = {name: value for name, value in os.environ.items() if name != "TEXTGRAFT_OFFLINE"}
    arguments = json.dumps([list(map(str, command)) for command in commands])
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, arguments], env=environment, check=True, capture_output=True, text=True
    )
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.mark.slow
def test_commands_on_local_files_open_no_connection(tiny_word_vectors, tmp_path):
    data = write_csv(tmp_path / "reviews.csv", ROWS)
    model, other, out = (tmp_path / name for name in ("model", "other", "out.csv"))
    ways = run_without_network(
        ["presets"],
        ["cache"],
        ["inspect", data, "--preset", tiny_word_vectors],
        ["train", data, "--preset", tiny_word_vectors, "--epochs", 1, "--log", "csv", "--out", model],
        ["train", data, "--preset", tiny_word_vectors, "--fine-tune", "none", "--out", other],
        ["info", model],
        ["evaluate", model, data],
        ["predict", model, data, "--out", out],
        ["embed", tiny_word_vectors, data, "--out", tmp_path / "vectors.npy"],
        ["compare", model, other, "--data", data, "--allow-seen"],
        ["tune", data, "--preset", tiny_word_vectors, "--trials", 1, "--out", tmp_path / "search"],
    )
    assert [(name, code, attempts) for name, code, attempts, _ in ways if code or attempts] == [], ways
    assert len(ways) == 11


@pytest.mark.slow
def test_preset_that_is_not_on_this_machine_is_downloaded(tmp_path):
    """The attempts are seen: the test above can fail."""
    data = write_csv(tmp_path / "reviews.csv", ROWS)
    ((_, code, attempts, error),) = run_without_network(
        ["train", data, "--preset", "hf://nobody/nothing", "--out", tmp_path / "model"]
    )
    assert code == 4
    assert attempts
    assert "cannot be downloaded" in error
