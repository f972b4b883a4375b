"""Signals, kills and locked folders: what is left, and that an interrupted run ends as an uninterrupted one."""

import hashlib
import os
import random
import signal
import time

import pytest

from tests.helpers.commands import run, start_process, wait_for
from textgraft.tasks.text_classification import TextClassifier
from textgraft.training.checkpoints import Checkpoints


@pytest.fixture
def folder(tmp_path):
    """A folder that holds data.csv."""
    rng = random.Random(0)
    words = ["the", "a", "FILM", "was", "good", "bad", "fine", "dull", "not", "very", "IT", "plot"]
    texts = [rng.choices(words, k=rng.randint(2, 9)) for _ in range(400)]
    rows = [f"{' '.join(text)},{'yes' if 'good' in text else 'no'}" for text in texts]
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return tmp_path


@pytest.fixture
def command(folder, tiny_word_vectors):
    """A training of data.csv."""
    return ["train", folder / "data.csv", "--preset", tiny_word_vectors]


@pytest.fixture
def start(folder, command):
    """Starts the training as a process."""

    def start(*options, cwd=folder, **environment):
        return start_process(*command, *options, cwd=cwd, **environment)

    return start


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(("signal_number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
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


def test_stopped_and_killed_run_ends_as_an_uninterrupted_one(folder, command, start, tmp_path_factory, monkeypatch):
    """It is stopped by SIGTERM here, killed in a process with a Turkish locale, and resumed here."""
    whole, cut = tmp_path_factory.mktemp("whole") / "model", folder / "model"
    options, often = ("--epochs", 4, "--fine-tune", "all"), ("--save-minutes", "0.0001")

    def train(out, *more):
        return run(*command, "--out", out, *options, *more)

    assert train(whole).exit_code == 0
    save = Checkpoints.save
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "save", lambda *state: (save(*state), signal.raise_signal(signal.SIGTERM)))
        result = train(cut, *often)
    assert result.exit_code == 143, result.output
    assert result.stderr.splitlines()[-1].startswith("stopped by SIGTERM; saved at epoch")
    assert names(folder) == ["data.csv", "model.run"]

    (stopped_at,) = (cut.parent / "model.run").iterdir()
    locale = {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "PYTHONIOENCODING": "utf-8"}
    process = start("--out", cut, *options, *often, PYTHONHASHSEED="1", TEXTGRAFT_CACHE=str(whole.parent), **locale)
    while stopped_at.exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
    process.kill()
    assert "resumed an unfinished run after epoch" in process.communicate()[0]
    assert not cut.exists()

    result = train(cut)
    assert result.exit_code == 0, result.output
    assert "resumed an unfinished run after epoch" in result.stderr
    assert names(folder) == ["data.csv", "model"]
    digests = {hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest() for out in (whole, cut)}
    assert len(digests) == 1


def test_interrupted_prediction_leaves_no_file(folder, tiny_word_vectors, monkeypatch):
    def answers(*_, **__):
        assert list(folder.glob(".predictions.csv.*"))
        signal.raise_signal(signal.SIGTERM)

    model = TextClassifier(tiny_word_vectors, ["no", "yes"]).save(folder / "model")
    monkeypatch.setattr(TextClassifier, "answers", answers)
    result = run("predict", model, folder / "data.csv", "--out", folder / "predictions.csv")
    assert result.exit_code == 143, result.output
    assert result.stderr.splitlines()[-1].startswith("stopped by SIGTERM; no partial files remain")
    assert names(folder) == ["data.csv", "model"]
