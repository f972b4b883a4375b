"""`textgraft train` as a process: signals, a folder in use, the same result everywhere."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest

TRAIN = [sys.executable, "-m", "textgraft", "train"]


@pytest.fixture
def place(tmp_path, tiny_bert):
    rng = random.Random(0)
    words = ["the", "a", "film", "was", "good", "bad", "fine", "dull", "not", "very", "it", "plot"]
    texts = [rng.choices(words, k=rng.randint(2, 9)) for _ in range(400)]
    rows = [f"{' '.join(text)},{'yes' if 'good' in text else 'no'}" for text in texts]
    (tmp_path / "data.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return tmp_path


def start(place, preset, *options, cwd=None, **environment):
    command = [*TRAIN, str(place / "data.csv"), "--preset", str(preset), *options]
    return subprocess.Popen(
        command, cwd=cwd or place, env={**os.environ, **environment}, stdout=-1, stderr=subprocess.STDOUT, text=True
    )


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)]
)
def test_a_signal_saves_and_the_same_command_goes_on(place, tiny_bert, number, code):
    options = ["--out", "model", "--epochs", "40", "--save-minutes", "0.0001"]
    process = start(place, tiny_bert, *options)
    wait_for(place / "model.run", process)
    asked = time.monotonic()
    process.send_signal(number)
    said = process.communicate()[0]
    assert process.returncode == code, said
    assert time.monotonic() - asked < 30
    assert f"stopped by {number.name}; saved at epoch" in said.splitlines()[-1]
    again = start(place, tiny_bert, *options)
    said = again.communicate()[0]
    assert again.returncode == 0, said
    assert "resumed an unfinished run after epoch" in said
    assert sorted(path.name for path in place.iterdir()) == ["data.csv", "model"]


@pytest.mark.slow
def test_a_repeated_run_that_is_stopped_goes_on_too(place, tiny_bert):
    """Though the older model, which it is to replace, is of the same run."""
    options = ["--out", "model", "--epochs", "12", "--save-minutes", "0.0001"]
    assert start(place, tiny_bert, *options).wait() == 0
    again = [*options, "--overwrite"]
    process = start(place, tiny_bert, *again)
    wait_for(place / "model.run", process)
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 143
    said = start(place, tiny_bert, *again).communicate()[0]
    assert "resumed an unfinished run after epoch" in said


def test_a_signal_before_training_leaves_at_once(place, tiny_bert):
    process = start(place, tiny_bert, "--out", "model")
    wait_for(place / ".model.run.lock", process)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0]
    assert process.returncode == 130
    assert "stopped by SIGINT" in said or "nothing was left half-written" in said  # the lock is a moment older
    assert "Traceback" not in said
    assert sorted(path.name for path in place.iterdir()) == ["data.csv"]


def test_of_several_processes_one_trains(place, tiny_bert):
    first = start(place, tiny_bert, "--out", "model", "--epochs", "1")
    wait_for(place / ".model.run.lock", first)
    second = start(place, tiny_bert, "--out", "model", "--epochs", "1")
    said = second.communicate()[0]
    assert second.returncode == 7
    assert f"model.run is in use by process {first.pid}" in said
    assert len(said.splitlines()) == 1
    first.communicate()
    assert first.returncode == 0


def test_the_same_result_whatever_the_process(place, tiny_bert, tmp_path_factory):
    digests = set()
    for number, locale in enumerate(("C", "C.UTF-8")):
        out = tmp_path_factory.mktemp("somewhere") / "model"
        process = start(place, tiny_bert, "--out", str(out), cwd=out.parent, PYTHONHASHSEED=str(number), LC_ALL=locale)
        said = process.communicate()[0]
        assert process.returncode == 0, said
        digests.add(hashlib.sha256((out / "model.safetensors").read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_dry_run_says_what_it_would_take(place, tiny_bert):
    process = start(place, tiny_bert, "--dry-run", "--sequence-length", "6")
    said = process.communicate()[0]
    assert process.returncode == 0, said
    for part in ("360 texts", "40 texts", "to truncation", "trained of", "minutes", "GiB at its peak"):
        assert part in said
    assert sorted(path.name for path in place.iterdir()) == ["data.csv"]


def test_a_table_that_is_not_finished_leaves_nothing(place, tiny_bert):
    process = start(place, tiny_bert, "--out", "model", "--epochs", "1")
    assert process.wait() == 0, process.stdout.read()
    command = [sys.executable, "-m", "textgraft", "predict", "model", "-", "--format", "lines", "--out", "said.csv"]
    process = subprocess.Popen(command, cwd=place, stdin=-1, stdout=-1, stderr=subprocess.STDOUT, text=True)
    while not list(place.glob(".said.csv.*")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[0]
    assert process.returncode == 143, said
    assert said.splitlines()[-1].startswith("stopped by SIGTERM; nothing was left half-written")
    assert sorted(path.name for path in place.iterdir()) == ["data.csv", "model"]
