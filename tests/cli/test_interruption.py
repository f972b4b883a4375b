"""`textgraft train` as a process: signals, locked folders, the same result on any machine."""

import hashlib
import os
import random
import signal
import time

import pytest

from tests.helpers.commands import run_successfully, start_process, wait_for
from textgraft.training.checkpoints import Checkpoints


@pytest.fixture
def folder(tmp_path):
    """A folder that holds data.csv."""
    rng = random.Random(0)
    words = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "it", "plot"]
    texts = [rng.choices(words, k=rng.randint(2, 9)) for _ in range(400)]
    rows = [f"{' '.join(text)},{'yes' if 'good' in text else 'no'}" for text in texts]
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return tmp_path


@pytest.fixture
def start(folder, tiny_bert):
    """Starts a training of data.csv as a process."""

    def start(*options, cwd=folder, **environment):
        return start_process("train", folder / "data.csv", "--preset", tiny_bert, *options, cwd=cwd, **environment)

    return start


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("signal_number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_same_command_resumes_an_interrupted_run(folder, start, signal_number, code):
    options = ["--out", "model", "--epochs", "10", "--save-minutes", "0.0001"]
    process = start(*options)
    wait_for(process, folder, "model.run")
    start_time = time.monotonic()
    process.send_signal(signal_number)
    output = process.communicate()[0]
    assert process.returncode == code, output
    assert time.monotonic() - start_time < 30
    assert f"stopped by {signal_number.name}; saved at epoch" in output.splitlines()[-1]
    resumed = start(*options)
    output = resumed.communicate()[0]
    assert resumed.returncode == 0, output
    assert "resumed an unfinished run after epoch" in output
    assert names(folder) == ["data.csv", "model"]


@pytest.mark.slow
def test_interrupted_repetition_of_a_run_is_resumed(folder, start):
    """Although the older model, which it replaces, is of the same run."""
    options = ["--out", "model", "--epochs", "12", "--save-minutes", "0.0001"]
    process = start(*options)
    assert process.wait() == 0, process.stdout.read()
    process = start(*options, "--overwrite")
    wait_for(process, folder, "model.run")
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    assert "resumed an unfinished run after epoch" in start(*options, "--overwrite").communicate()[0]


def test_signal_before_training_leaves_nothing(folder, start):
    process = start("--out", "model")
    wait_for(process, folder, ".model.run.lock")
    process.send_signal(signal.SIGINT)
    output = process.communicate()[0]
    assert process.returncode == 130
    assert "stopped by SIGINT" in output or "no partial files remain" in output  # just after the lock
    assert "Traceback" not in output
    assert names(folder) == ["data.csv"]


def test_second_process_is_refused(folder, start):
    with Checkpoints(folder / "model.run"):
        second = start("--out", "model", "--epochs", "1")
        output = second.communicate()[0]
    assert second.returncode == 7, output
    assert f"model.run is in use by process {os.getpid()}" in output
    assert len(output.splitlines()) == 1


def test_killed_run_ends_as_an_uninterrupted_one_in_another_environment(start, tmp_path_factory):
    def out_and_options(*more):
        out = tmp_path_factory.mktemp("elsewhere") / "model"
        return out, ("--out", out, "--epochs", 4, "--fine-tune", "all", "--save-minutes", "0.0001", *more)

    (whole, options), (killed, options_of_killed) = out_and_options(), out_and_options()
    process = start(*options, cwd=whole.parent, PYTHONHASHSEED="0", LC_ALL="C")
    output = process.communicate()[0]
    assert process.returncode == 0, output

    environment = {"cwd": killed.parent, "PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8"}
    process = start(*options_of_killed, **environment)
    wait_for(process, killed.parent, "model.run/checkpoint-*")
    process.kill()
    process.wait()
    assert not killed.exists()
    process = start(*options_of_killed, **environment)
    output = process.communicate()[0]
    assert process.returncode == 0, output
    assert "resumed an unfinished run" in output
    digests = {hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest() for out in (whole, killed)}
    assert len(digests) == 1


def test_dry_run_estimates_without_training(folder, tiny_bert):
    before = names(folder)
    output = run_successfully(
        "train", folder / "data.csv", "--preset", tiny_bert, "--dry-run", "--sequence-length", 6
    ).output
    for phrase in ("360 texts", "40 texts", "tokens dropped", "trained of", "minutes", "GiB at its peak"):
        assert phrase in output
    assert names(folder) == before


def test_interrupted_prediction_leaves_no_file(folder, tiny_bert):
    options = ["--preset", tiny_bert, "--epochs", 1, "--head", "gradient"]
    run_successfully("train", folder / "data.csv", *options, "--out", folder / "model")
    process = start_process("predict", "model", "-", "--format", "lines", "--out", "predictions.csv", cwd=folder)
    wait_for(process, folder, ".predictions.csv.*")
    process.send_signal(signal.SIGTERM)
    output = process.communicate()[0]
    assert process.returncode == 143, output
    assert output.splitlines()[-1].startswith("stopped by SIGTERM; no partial files remain")
    assert names(folder) == ["data.csv", "model"]
