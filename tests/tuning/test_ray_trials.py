"""`tune --engine ray`: the search of one process, by workers that are killed."""

import contextlib
import csv
import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("ray", reason="needs ray, which the extra `ray` installs")

from tests.helpers.commands import assert_fails, run, start_process, write_csv
from tests.helpers.postgresql import find_programs, running_server
from textgraft.model_folder import folder as model_folder

pytestmark = pytest.mark.slow

TRIALS = 6
# With one epoch, no trial is compared with others before its end.
SPACE = """
fine_tune = ["none", "all"]
learning_rate = {low = 1e-3, high = 1e-2, log = true}
batch_size = 16
epochs = 1
sequence_length = 16
[none]
epochs = 2
"""
LONGER = SPACE.replace('["none", "all"]', '"all"').replace("epochs = 1", "epochs = {low = 20, high = 30}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    kinds = (("good", "pos"), ("bad", "neg"))
    write_csv(
        folder / "train.csv", [(f"the {word} film {count}", label) for word, label in kinds for count in range(40)]
    )
    (folder / "space.toml").write_text(SPACE)
    (folder / "longer.toml").write_text(LONGER)
    return folder


@pytest.fixture(params=["file", "postgresql"])
def storage(request):
    """The options of a storage."""
    if request.param == "file":
        yield ()
        return
    pytest.importorskip("psycopg", reason="needs psycopg, which the extra `postgresql` installs")
    programs = find_programs()
    if programs is None:
        pytest.skip("needs initdb and pg_ctl of PostgreSQL, on the PATH or in the folder TEXTGRAFT_POSTGRESQL")
    with running_server(programs) as server:
        yield ("--storage", server.url())


def options(preset, out, *more, space="space.toml"):
    return (
        "tune", "train.csv", "--preset", preset, "--space", space, "--trials", TRIALS, "--out", out, *more,
    )  # fmt: skip


def start(folder, *arguments):
    return start_process(*arguments, cwd=folder)


def board(folder):
    with (folder / "leaderboard.csv").open(newline="") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


def trials(folder):
    return [row for row in board(folder) if row["name"].startswith("trial ")]


def workers_of(process):
    """Process ids of the workers that train, among the descendants of a process."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], check=True, capture_output=True, text=True).stdout
    rows = [line.split(maxsplit=2) for line in listed.splitlines()[1:]]
    descendants = {str(process.pid)}
    while more := {pid for pid, parent, *_ in rows if parent in descendants} - descendants:
        descendants |= more
    return [int(pid) for pid, _, *args in rows if pid in descendants and args and args[0].startswith("ray::_train")]


def killed_worker(process, seconds=30):
    """Kill a worker once one trains."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for pid in workers_of(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return pid
        time.sleep(0.1)
    raise AssertionError("no worker trains")


def lines_until(process, start):
    """The lines of output until one that begins so."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(start):
            return lines
    raise AssertionError("".join(lines))


def test_trials_of_workers_have_the_results_of_one_process(folder, tiny_bert):
    workers = start(folder, *options(tiny_bert, "workers", "--engine", "ray", "--workers", 2))
    output = workers.communicate(timeout=200)[0]
    assert workers.returncode == 0, output
    assert "Ray: 2 workers\n" in output
    local = start(folder, *options(tiny_bert, "local", "--threads", 1))
    output = local.communicate(timeout=200)[0]
    assert local.returncode == 0, output
    boards = [board(folder / out) for out in ("workers", "local")]
    assert boards[0] == boards[1]
    assert {row["state"] for row in trials(folder / "workers")} == {"done"}
    models = [(folder / out / "model" / "model.safetensors").read_bytes() for out in ("workers", "local")]
    assert models[0] == models[1]
    configs = [model_folder.read(folder / out / "model").config for out in ("workers", "local")]
    assert configs[0]["run"] == configs[1]["run"]
    command = shlex.split((folder / "workers" / "command.txt").read_text())
    assert command[command.index("--threads") + 1] == "1"
    subprocess.run([sys.executable, "-m", *command, "--no-report"], check=True, cwd=folder, capture_output=True)
    assert (folder / "workers-again" / "model.safetensors").read_bytes() == models[0]


def test_killed_workers_and_commands_cost_no_other_trial(folder, tiny_bert, storage, tmp_path):
    arguments = options(tiny_bert, tmp_path / "out", "--engine", "ray", *storage, space="longer.toml")
    process = start(folder, *arguments)
    lines_until(process, "Ray: ")
    killed_worker(process)
    lines = lines_until(process, "trial 2:")
    losses = [line for line in lines if "failed, its worker ended (" in line]
    assert len(losses) == 1, lines
    process.kill()
    process.communicate()
    process = start(folder, *arguments)
    output = process.communicate(timeout=200)[0]
    assert process.returncode == 0, output
    assert re.search("repeating [12] trials?, during which the process ended", output)
    assert len(trials(tmp_path / "out")) == TRIALS
    assert {row["state"] for row in trials(tmp_path / "out")} <= {"done", "pruned"}
    assert len({row["learning_rate"] for row in trials(tmp_path / "out")}) == TRIALS
    assert not workers_of(process)


def test_signal_ends_the_search_within_seconds(folder, tiny_bert, tmp_path):
    arguments = options(tiny_bert, tmp_path / "out", "--engine", "ray", space="longer.toml")
    process = start(folder, *arguments)
    lines_until(process, "trial 0:")
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert time.monotonic() - started < 15
    assert process.returncode == 130, output
    assert output.splitlines()[-1].startswith("stopped by SIGINT; ")
    assert "keeps the completed trials; the same command resumes the search" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert not workers_of(process)


def test_too_many_workers_are_refused(folder, tiny_bert, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    result = run(*options(tiny_bert, tmp_path / "out", "--engine", "ray", "--workers", 1000))
    assert_fails(result, 2, "workers 1000 is above the ", "that the cluster has processors for")
