"""`textgraft tune` from texts to a tested model; the test texts at the end only, the same again by its command."""

import csv
import hashlib
import json
import shlex
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.helpers.commands import (
    TAGGED_ROWS,
    assert_fails,
    run,
    run_successfully,
    start_process,
    write_conll,
    write_csv,
)  # fmt: skip
from textgraft.errors import ConfigError, DataError, ModelFolderError
from textgraft.model_folder import folder as model_folder
from textgraft.tasks.text_classification import TextClassifier
from textgraft.tasks.trainable import TrainableTask
from textgraft.training.config import HEAD_ONLY_DEFAULTS
from textgraft.training.epochs import enough_epochs
from textgraft.tuning.run_folder import RunFolder

SPACE = """
fine_tune = ["none", "all"]
learning_rate = {low = 1e-3, high = 1e-2, log = true}
batch_size = 16
epochs = {low = 1, high = 2}
sequence_length = [16, 64, 1000]
[none]
epochs = [2]
"""

HEAD_ONLY = """
fine_tune = "none"
epochs = 2
sequence_length = 64
truncation = ["head", "windows"]
[none]
epochs = [3]
"""


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    kinds, ends = (("good", "pos"), ("bad", "neg")), ("very", "not", "fine", "dull", "a", "it")
    nouns = ("film", "plot", "a", "it", "was")
    rows = [(f"the {word} {noun} {end}", label) for word, label in kinds for noun in nouns for end in ends]
    write_csv(folder / "train.csv", rows[::2])
    write_csv(folder / "test.csv", rows[1::2])
    (folder / "space.toml").write_text(SPACE)
    return folder


def options(data_folder, preset, out, *more):
    return [
        "tune",
        data_folder / "train.csv",
        "--preset",
        preset,
        "--space",
        data_folder / "space.toml",
        "--out",
        data_folder / out,
        *more,
    ]


@contextmanager
def texts_after(trials, late, source):
    """Make a file unreadable until so many models were trained; yields their options, and (run, data) of each test."""
    late.write_bytes(b"\xff\xfe nothing that could be read")
    trained, tested = [], []
    fit, evaluate = TrainableTask.fit, TrainableTask.evaluate

    def counted_fit(self, *arguments, **words):
        history = fit(self, *arguments, **words)
        trained.append(words)
        if len(trained) == trials:
            late.write_bytes(source.read_bytes())
        return history

    def counted_evaluate(self, data, *arguments, **words):
        tested.append((self.record["run"], data.source))
        return evaluate(self, data, *arguments, **words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainableTask, "fit", counted_fit)
        patch.setattr(TrainableTask, "evaluate", counted_evaluate)
        yield trained, tested


@pytest.fixture(scope="module")
def searched(data_folder, tiny_bert):
    """A search whose test file is unreadable until two trials have been trained, and its continuation by one trial.

    Returns the folder, both results, tests, trials.
    """
    late = data_folder / "late.csv"
    command = options(data_folder, tiny_bert, "search", "--test", late)
    with texts_after(2, late, data_folder / "test.csv") as (trained, tested):
        result = run(*command, "--trials", 2)
        assert result.exit_code == 0, result.output
        again = run(*command, "--trials", 3)
        assert again.exit_code == 0, again.output
    return data_folder / "search", result, again, tested, trained


def test_test_texts_are_read_after_all_trials_and_by_the_winner_only(searched):
    folder, _, _, tested, trained = searched
    assert len(trained) == 3
    assert tested == [(model_folder.read(folder / "model").config["run"], str(folder.parent / "late.csv"))]
    assert model_folder.read(folder / "model").config["metrics"]["test"]["texts"] == 30


def test_run_folder_holds_model_leaderboard_plots_and_command(searched):
    folder, result, again, *_ = searched
    assert sorted(path.name for path in folder.iterdir()) == [
        "command.txt", "leaderboard.csv", "model", "plots", "search.json", "study.sqlite",
    ]  # fmt: skip
    assert sorted(path.name for path in (folder / "plots").iterdir()) == ["history.png", "parallel.png", "time.png"]
    rows = board(folder)
    assert {row["name"] for row in rows} == {
        "trial 0", "trial 1", "trial 2", "TF-IDF + logistic regression", "NB-SVM",
    }  # fmt: skip
    by_name = {row["name"]: row for row in rows}
    assert [by_name[f"trial {number}"]["fine_tune"] for number in (0, 1)] == ["none", "all"]  # the cheap one first
    assert "ignoring sequence_length 1000: sequence_length must be between 3 and" in result.stderr
    assert "winner of 2 trials: trial" in result.stderr
    assert "winner of 3 trials: trial" in again.stderr
    assert "trial 2: " in again.stderr
    assert "trial 1: " not in again.stderr
    assert "confusion matrix" in result.stdout
    assert "confusion matrix" in again.stdout
    config = model_folder.read(folder / "model").config
    best = next(row for row in rows if row["winner"])
    assert config["metrics"]["validation"]["val_accuracy"] == pytest.approx(float(best["accuracy"]))
    assert config["fit"]["fine_tune"] == best["fine_tune"]
    assert config["command"].startswith("textgraft tune ")


def test_command_trains_the_same_model_again(searched):
    folder = searched[0]
    program, *arguments = shlex.split((folder / "command.txt").read_text())
    assert program == "textgraft"
    run_successfully(*arguments)
    same_models(folder / "model", folder.parent / "search-again")


def same_models(*models):
    digests = [hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest() for model in models]
    assert digests[0] == digests[1]
    configs = [model_folder.read(model).config for model in models]
    assert configs[0]["run"] == configs[1]["run"]
    assert configs[0]["metrics"].get("test") == configs[1]["metrics"].get("test")


def board(folder):
    with (folder / "leaderboard.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_token_classification_is_tuned_and_reproduced(tiny_bert, tmp_path):
    """As for single labels: the test texts at the end only, and the command's model is the same bit for bit."""
    train, late = write_conll(tmp_path / "train.conll", TAGGED_ROWS), tmp_path / "late.conll"
    (tmp_path / "space.toml").write_text(HEAD_ONLY.replace('"none"', '["none", "all"]'))
    with texts_after(2, late, train) as (trained, tested):
        result = run(
            "tune", train, "--validation", train, "--test", late, "--preset", tiny_bert, "--space",
            tmp_path / "space.toml", "--trials", 2, "--out", tmp_path / "search",
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [words.get("fine_tune", "all") for words in trained] == ["none", "all"]
    folder = tmp_path / "search"
    config = model_folder.read(folder / "model").config
    assert tested == [(config["run"], str(late))]
    assert config["metrics"]["test"]["texts"] == len(TAGGED_ROWS)
    for line in (
        "ignoring head logistic: head logistic needs one layer on one vector per text",
        "ignoring strip_html True: strip_html removes words",
        "ignoring pooling: it has no effect",
        "no baseline without transfer",
        "trial 0: f1 ",
        "validation f1 ",
    ):
        assert line in result.stderr
    assert "failed" not in result.stderr
    assert "partial" in result.stdout  # the table of ways to count spans
    first, second = board(folder)
    assert float(first["f1"]) >= float(second["f1"])
    assert (first["low"], "pooling" in first) == ("", False)
    command = shlex.split((folder / "command.txt").read_text())
    process = subprocess.run(
        [sys.executable, "-m", *command], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr
    same_models(folder / "model", tmp_path / "search-again")


LABELS = {
    "sets": ('text,tags\n', "{text},{first}|{second}\n", ("--label", "tags", "--label-separator", "|"), "micro_f1",
             "TF-IDF + logistic regression per label"),
    "numbers": ('text,stars\n', "{text},{number}\n", ("--label", "stars", "--problem", "regression"), "loss",
                "TF-IDF + ridge regression"),
    "pairs": ('premise,hypothesis,label\n', "{text},so {text},{first}\n", (), "accuracy", None),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["numbers", "sets", "pairs"])
def test_other_kinds_of_labels_are_tuned_and_reproduced(kind, data_folder, tiny_word_vectors, tmp_path):
    head, line, reading, score, baseline = LABELS[kind]
    with (data_folder / "train.csv").open(newline="") as file:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    lines = [
        line.format(text=text, first=label, second="even" if number % 2 else "odd", number=number % 5)
        for number, (text, label) in enumerate(rows)
    ]
    (tmp_path / "data.csv").write_text(head + "".join(lines))
    (tmp_path / "space.toml").write_text(HEAD_ONLY)
    result = run(
        "tune", tmp_path / "data.csv", *reading, "--preset", tiny_word_vectors, "--space", tmp_path / "space.toml",
        "--trials", 1, "--out", tmp_path / "search",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = {row["name"]: row for row in board(tmp_path / "search")}
    assert set(found) == {"trial 0", *([baseline] if baseline else [])}
    validation = model_folder.read(tmp_path / "search" / "model").config["metrics"]["validation"]
    assert float(found["trial 0"][score]) == validation[f"val_{score}"]
    assert f"validation {score} " in result.stderr
    assert ("ignoring head logistic" in result.stderr) == (score != "accuracy")
    assert ("ignoring truncation windows" in result.stderr) == (kind == "pairs")
    assert ("no baseline without transfer" in result.stderr) == (baseline is None)
    run_successfully(*shlex.split((tmp_path / "search" / "command.txt").read_text())[1:])
    same_models(tmp_path / "search" / "model", tmp_path / "search-again")


def test_texts_without_labels_are_refused(tmp_path):
    (tmp_path / "data.csv").write_text("prompt,completion\na,b\n")
    result = run("tune", tmp_path / "data.csv", "--trials", 1, "--out", tmp_path / "search")
    assert_fails(result, 2, "tune compares models by labels, and text-generation has none")


def test_another_search_is_refused(searched, data_folder, tiny_bert):
    folder, *_ = searched
    before = (folder / "study.sqlite").read_bytes()
    assert_fails(
        run(*options(data_folder, tiny_bert, "search", "--trials", 3, "--seed", 1)), 2, "another search", "seed"
    )
    assert (folder / "study.sqlite").read_bytes() == before


@pytest.mark.slow
def test_winner_of_another_machine_is_trained_again(data_folder, tiny_bert):
    """Two run folders, one database: the second has nothing to do but to make the model."""
    more = ("--trials", 2, "--storage", f"sqlite:///{data_folder / 'shared.sqlite'}")
    first, second = (run(*options(data_folder, tiny_bert, out, *more)) for out in ("here", "there"))
    assert (first.exit_code, second.exit_code) == (0, 0), second.output
    assert "was run on another machine" in second.stderr
    digests = {(data_folder / out / "model" / "model.safetensors").read_bytes() for out in ("here", "there")}
    assert len(digests) == 1


@pytest.mark.slow
def test_winner_is_tested_although_results_cannot_be_printed(data_folder, tiny_bert, monkeypatch):
    def print_result(*_):
        raise DataError("standard output is full")

    monkeypatch.setattr("textgraft.cli.tune.print_result", print_result)
    command = options(data_folder, tiny_bert, "unprinted", "--test", data_folder / "test.csv", "--trials", 1)
    assert_fails(run(*command), 3, "standard output is full")
    assert model_folder.read(data_folder / "unprinted" / "model").config["metrics"]["test"]["texts"] == 30


def test_failed_trials_do_not_end_the_search(data_folder, tiny_bert, tmp_path):
    (tmp_path / "space.toml").write_text(SPACE.replace("[16, 64, 1000]", "{low = 1000, high = 1001}"))
    result = run(
        "tune", data_folder / "train.csv", "--preset", tiny_bert, "--space", tmp_path / "space.toml", "--trials", 2,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert "trial 1: failed, sequence_length must be between 3 and" in result.stderr
    assert_fails(result, 6, "no trial completed; the last one: sequence_length must be between 3 and")


def test_defaults_of_a_head_alone_are_those_of_fit(tiny_word_vectors):
    from textgraft.data.dataset import Dataset

    data = Dataset.from_lists(["good film", "bad film"] * 4, ["a", "b"] * 4)
    model = TextClassifier(tiny_word_vectors, data.label_names, "float32")
    config = model._prepare_run(data, data, {"fine_tune": "none", "head": "gradient"}).mode.config
    usual = {
        **HEAD_ONLY_DEFAULTS,
        "epochs": enough_epochs(HEAD_ONLY_DEFAULTS["epochs"], len(data), HEAD_ONLY_DEFAULTS["batch_size"], 100),
    }
    assert {name: getattr(config, name) for name in HEAD_ONLY_DEFAULTS} == usual


@pytest.mark.parametrize(
    ("arguments", "code", "phrases"),
    [
        ([], 2, ["--trials N, --minutes M"]),
        (["--trials", 0], 2, ["trials must be above 0"]),
        (["--trials", 1, "--test", "ABSENT"], 3, ["absent.csv: no such file"]),
        (["--trials", 1, "--out", "NO_PARENT"], 5, ["no is not a folder"]),
        (["--trials", 1, "--out", "DATA_FOLDER"], 5, ["is not a search folder"]),
        (["--trials", 1, "--space", "SPACE"], 2, ["preset is given twice"]),
        (["--trials", 1, "--workers", 2], 2, ["workers needs --engine ray"]),
        (["--trials", 1, "--address", "x:1"], 2, ["--address is that of a Ray cluster; add --engine ray"]),
        (["--trials", 1, "--engine", "onnx"], 2, ["engine 'onnx' is unknown; choose one of tensorflow, ray"]),
    ],
)
def test_wrong_options_are_reported(data_folder, tiny_bert, tmp_path, arguments, code, phrases):
    (tmp_path / "space.toml").write_text('preset = "minilm"')
    paths = {
        "ABSENT": tmp_path / "absent.csv", "NO_PARENT": tmp_path / "no" / "x", "DATA_FOLDER": data_folder,
        "SPACE": tmp_path / "space.toml",
    }  # fmt: skip
    command = options(data_folder, tiny_bert, "x", *(paths.get(argument, argument) for argument in arguments))
    assert_fails(run(*command), code, *phrases)


def test_wrong_sources_and_presets_are_reported(data_folder, tmp_path):
    assert_fails(run("tune", "-", "--trials", 1, "--out", tmp_path / "x"), 2, "standard input")
    assert_fails(run(*options(data_folder, tmp_path / "absent", "y", "--trials", 1)), 4, "absent")


def test_missing_packages_are_reported(data_folder, tiny_bert, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    command = options(data_folder, tiny_bert, "x", "--trials", 1)
    assert_fails(run(*command), 2, "tune needs optuna", 'pip install "textgraft[tune]"')


@pytest.mark.slow
def test_killed_search_resumes_with_the_same_trials(data_folder, tiny_bert):
    def start(out):
        return start_process(*options(data_folder, tiny_bert, out, "--trials", 6))

    whole = start("whole")
    output = whole.communicate()[0]
    assert whole.returncode == 0, output
    kills = 0
    while True:
        process = start("killed")
        lines, trials = [], 0
        for line in process.stdout:
            lines.append(line)
            trials += line.startswith("trial ")
            if trials == 1 and kills < 4:
                time.sleep((0.1, 0.4, 0.8, 1.2)[kills])
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
        process.communicate()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, lines
    assert kills == 4
    boards = [_board(data_folder / out) for out in ("whole", "killed")]
    assert boards[0] == boards[1]
    weights = [(data_folder / out / "model" / "model.safetensors").read_bytes() for out in ("whole", "killed")]
    assert weights[0] == weights[1]


def _board(folder: Path):
    """The leaderboard without times and without the numbers of trials, which skip those that died."""
    return [{**row, "seconds": "", "name": row["name"].split(" ")[0]} for row in board(folder)]


@pytest.mark.slow
def test_signal_keeps_completed_trials(data_folder, tiny_bert):
    process = start_process(*options(data_folder, tiny_bert, "signalled", "--trials", 500))
    for line in process.stdout:
        if line.startswith("trial 1:"):
            process.send_signal(signal.SIGTERM)
            break
    output = process.communicate()[0]
    assert process.returncode == 143, output
    assert output.splitlines()[-1].startswith("stopped by SIGTERM; ")
    assert "the same command resumes the search" in output
    assert "Traceback" not in output
    assert json.loads((data_folder / "signalled" / "search.json").read_text())["seed"] == 0
    assert model_folder.read(data_folder / "signalled" / "model").config["task"] == "text-classification"


def test_setup_needs_no_tensorflow():
    code = """
import sys
from textgraft.cli import tune
from textgraft.tuning import search_space, setup
assert not {"tensorflow", "keras"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_search_folder_that_cannot_be_created_is_reported(tmp_path, monkeypatch):
    def denied(*_, **__):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.mkdir", denied)
    with pytest.raises(ModelFolderError, match=r"cannot create .*out: Permission denied"):
        RunFolder(tmp_path / "out", {"seed": 0}).lock().__enter__()


def test_full_disk_at_the_start_can_be_retried(tmp_path):
    folder = RunFolder(tmp_path / "out", {"seed": 0})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(ModelFolderError, match="No space left on device"), folder.lock():
            pass
    with folder.lock():
        assert (tmp_path / "out" / "search.json").exists()


def test_leftovers_of_a_killed_search_are_removed(tmp_path):
    with (folder := RunFolder(tmp_path / "out", {"seed": 0})).lock():
        (folder.path / ".model.building.0a1b2c3d").mkdir()
        (folder.path / ".model.lock").touch()
        (folder.path / ".search.json.building.0a1b2c3d").touch()
    with folder.lock():
        pass
    assert sorted(path.name for path in folder.path.iterdir()) == ["plots", "search.json"]


@pytest.mark.parametrize("content", ["3", "[]", '["seed"]', "{", "null"])
def test_search_file_that_is_no_object_is_reported(tmp_path, content):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "search.json").write_text(content)
    with pytest.raises((ModelFolderError, ConfigError), match=r"is not a search folder|holds another search"):
        RunFolder(folder, {"seed": 0}).lock().__enter__()
