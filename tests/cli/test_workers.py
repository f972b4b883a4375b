"""`train --workers`: processes that share the steps, their ends, and the options that they do not support."""

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.helpers.commands import assert_fails, run, start_process, wait_for, write_csv
from textgraft.errors import WorkerError

ROWS = [(f"the film was {word} {index % 7}", "yes" if word == "good" else "no") for index, word in
    enumerate(["good", "bad", "dull", "good", "fine"] * 40)]  # fmt: skip


@pytest.fixture
def data(tmp_path):
    return write_csv(tmp_path / "data.csv", ROWS)


@pytest.fixture
def start(data, tiny_word_vectors):
    """Starts a training, with dropout, as a process."""

    def start(out, *options, **environment):
        command = ["train", data, "--preset", tiny_word_vectors, "--dropout", "0.2", "--precision", "float32"]
        return start_process(*command, "--out", out, *options, cwd=data.parent, **environment)

    return start


def finish(process):
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output
    return output


def followers(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(child) for child in children.split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        (["--unlabelled", "more.txt"], "workers does not support unlabelled; drop one"),
        (["--minutes", "3"], "workers does not support minutes"),
        (["--dry-run"], "workers does not support dry_run"),
        (["--from", "model"], "workers does not support from"),
        (["--test", "-"], "which standard input does not allow"),
        (["--workers", "0"], "workers must be between 1 and 256"),
    ],
)
def test_options_that_workers_do_not_support_are_one_line(data, options, phrase):
    assert_fails(run("train", data, "--out", data.parent / "model", "--workers", "2", *options), 2, phrase)


@pytest.mark.parametrize("config", ["{", '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}'])
def test_invalid_tf_config_is_one_line(data, monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    assert_fails(run("train", data, "--out", data.parent / "model", "--workers", "2"), 2, "TF_CONFIG")


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--fine-tune", "none"), ("--quality", "fast"), ("--fine-tune", "last:1")])
def test_frozen_blocks_are_computed_by_one_process(start, options):
    process = start("model", "--workers", "2", *options)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 2, output
    errors = [line for line in output.splitlines() if "error" in line]
    assert len(errors) == 1
    assert "computes the frozen blocks once, in one process; drop workers" in errors[0] or "no blocks" in errors[0]


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["worker 1", "worker 0", "worker 1, stopped", "worker 0, stopped"])
def test_end_of_a_worker_ends_the_others_and_the_run_resumes(start, tmp_path, victim):
    finish(start("uninterrupted", "--step-parts", "2", "--epochs", "40", "--patience", "40"))
    options = ["--epochs", "40", "--patience", "40", "--save-minutes", "0.001"]
    process = start("model", "--workers", "2", *options)
    wait_for(process, tmp_path, "model.run/checkpoint*")
    (other,) = followers(process)
    begin = time.monotonic()
    number = signal.SIGTERM if "stopped" in victim else signal.SIGKILL
    os.kill(other if "worker 1" in victim else process.pid, number)
    output = process.communicate(timeout=60)[0]
    while is_running(other):
        assert time.monotonic() - begin < 60
        time.sleep(0.05)
    if victim == "worker 0":
        assert process.returncode == -signal.SIGKILL
        assert output.splitlines()[-1].startswith("error: worker 0 has ended; the same command")
    elif victim == "worker 0, stopped":
        assert process.returncode == 143
        assert "stopped by SIGTERM; saved at epoch" in output.splitlines()[-1]
    else:
        assert process.returncode == WorkerError.exit_code
        assert output.splitlines()[-1].startswith("error: worker 1")
        assert "the same command resumes from there" in output.splitlines()[-1]
    workers = {"worker 1": 2, "worker 0": 1}.get(victim, 3)
    assert "resumed an unfinished run after" in finish(start("model", "--workers", workers, *options))
    assert weights(tmp_path / "model") == weights(tmp_path / "uninterrupted")
    assert json.loads((tmp_path / "model" / "config.json").read_text())["computation"]["workers"] == workers


@pytest.mark.slow
def test_workers_of_tf_config_train_together(start, tmp_path):
    finish(start("alone", "--step-parts", "2", "--threads", "1"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    cluster = {"worker": [f"127.0.0.1:{port}", "127.0.0.1:1"]}
    processes = [
        start(
            f"model-{index}",
            "--workers",
            "2",
            "--threads",
            "1",
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
            TEXTGRAFT_WORKERS_KEY="key",
        )
        for index in (1, 0)
    ]
    silent, output = map(finish, processes)
    assert silent == ""
    assert "saved model-0" in output
    assert not (tmp_path / "model-1").exists()
    assert weights(tmp_path / "model-0") == weights(tmp_path / "alone")


@pytest.mark.slow
def test_other_options_of_another_machine_are_one_line(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    cluster = {"worker": [f"127.0.0.1:{port}", "127.0.0.1:1"]}
    processes = [
        start(
            "model",
            "--workers",
            "2",
            "--seed",
            index,
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
            TEXTGRAFT_WORKERS_KEY="key",
        )
        for index in (0, 1)
    ]
    outputs = [process.communicate(timeout=120)[0].splitlines()[-1] for process in processes]
    assert [process.returncode for process in processes] == [WorkerError.exit_code, 2]
    assert outputs[0].startswith("error: worker 1: ")
    assert all("differ from those of worker 0; use the same data, options and versions" in line for line in outputs)
    assert not (tmp_path / "model").exists()
