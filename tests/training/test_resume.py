"""A run that was cut short ends as if it had not been."""

import json
import os
import signal

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.resuming import (
    RecordingCallback,
    SimulatedCrashError,
    assert_resume_changes_nothing,
    checkpoint_every_step,
    crash,
    final_state,
)
from textgraft.errors import ConfigError, InterruptionError, ModelFolderError, TrainingError
from textgraft.training.checkpoints import Checkpoints

FIT = {"epochs": 3, "batch_size": 4, "learning_rate": 1e-3}
TEXTS = ["the film was good", "a fine plot", "very good", "the film was bad", "a dull plot", "very bad", "dull ."] * 4
LABELS = ["good", "good", "good", "bad", "bad", "bad", "bad"] * 4
STEPS = 7


def data():
    return tg.Dataset.from_lists(TEXTS, LABELS)


@pytest.fixture(params=["tiny_bert", "tiny_word_vectors"])
def preset(request):
    return request.getfixturevalue(request.param)


def fresh(preset):
    return tg.TextClassifier(preset, ["bad", "good"], precision="float32")


@pytest.mark.parametrize(
    ("after", "fine_tune"),
    [(1, "all"), pytest.param(STEPS, "all", marks=pytest.mark.slow), (STEPS + 3, "all"), (STEPS + 2, "none")],
)
def test_cut_anywhere(preset, tmp_path, after, fine_tune):
    *_, callback = assert_resume_changes_nothing(
        lambda: fresh(preset),
        lambda model, callback, run: model.fit(data(), data(), callback, run, fine_tune=fine_tune, **FIT),
        after,
        tmp_path / "run",
        cuts=2 if after > 1 else 1,
    )
    assert any("resumed" in note for note in callback.messages) == (after > 1)


@pytest.mark.parametrize(
    "config",
    [
        {"fine_tune": "last:1"},
        {"fine_tune": "lora:2"},
        {"gradual_unfreezing": True, "layer_decay": 0.8},
        pytest.param({"head": "gradient"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_cut_in_any_way_of_fine_tuning(tiny_bert, tmp_path, config):
    assert_resume_changes_nothing(
        lambda: fresh(tiny_bert),
        lambda model, callback, run: model.fit(data(), data(), callback, run, **config, **FIT),
        STEPS + 3,
        tmp_path / "run",
    )


def test_cut_after_the_last_epoch(preset, tmp_path):
    """What is taken from the validation set comes after it, and is taken again."""

    def fit(model, callback, run):
        if callback.action:
            model.objective.calibrate = lambda *_: crash()
        model.fit(data(), data(), callback, run, **FIT)

    resumed, *_ = assert_resume_changes_nothing(lambda: fresh(preset), fit, 3 * STEPS + 1, tmp_path / "run")
    assert resumed.objective.temperature != 1


def test_an_earlier_epoch_may_be_the_best(tiny_bert, tmp_path):
    """Its weights are in the checkpoint too."""
    others = tg.Dataset.from_lists(TEXTS, LABELS[::-1])  # training makes it worse at these
    fit = {**FIT, "learning_rate": 2e-2, "patience": 9}
    whole = fresh(tiny_bert)
    history = whole.fit(data(), others, RecordingCallback(), **fit)
    assert history.best_epoch < 3
    assert_resume_changes_nothing(
        lambda: fresh(tiny_bert),
        lambda model, callback, run: model.fit(data(), others, callback, run, **fit),
        2 * STEPS + 2,
        tmp_path / "run",
        whole,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_and_saves(tiny_bert, tmp_path, number):
    callback = RecordingCallback(2, lambda: os.kill(os.getpid(), number))
    with pytest.raises(InterruptionError, match=f"{number.name}; saved at epoch 1, step 2") as stopped:
        fresh(tiny_bert).fit(data(), data(), callback, tmp_path / "run", **FIT)
    assert callback.steps == 2
    assert stopped.value.exit_code == 128 + number
    callback = RecordingCallback()
    fresh(tiny_bert).fit(data(), data(), callback, tmp_path / "run", **FIT)
    assert callback.messages[0] == "resumed an unfinished run after epoch 1, step 2"
    assert signal.getsignal(number) is not signal.SIG_DFL or number == signal.SIGTERM


def test_another_config_is_refused_with_the_difference(tiny_bert, tmp_path):
    fresh(tiny_bert).fit(data(), data(), RecordingCallback(), tmp_path / "run", **FIT)
    changed = {**FIT, "learning_rate": 0.5}
    with pytest.raises(ConfigError, match=r"fit.learning_rate was 0.001, is 0.5; give the same again, or --restart"):
        fresh(tiny_bert).fit(data(), data(), RecordingCallback(), tmp_path / "run", **changed)
    fewer = tg.Dataset.from_lists(TEXTS[1:], LABELS[1:])
    with pytest.raises(ConfigError, match=r"data_sha256\.train was"):
        fresh(tiny_bert).fit(fewer, data(), RecordingCallback(), tmp_path / "run", **FIT)
    with Checkpoints(tmp_path / "run", restart=True) as checkpoints:
        history = fresh(tiny_bert).fit(fewer, data(), RecordingCallback(), checkpoints, **changed)
    assert len(history.records) == 3


def test_what_else_is_in_the_folder_stays(tiny_bert, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    fresh(tiny_bert).fit(data(), data(), RecordingCallback(), tmp_path / "run", **FIT)
    with Checkpoints(tmp_path / "run", restart=True):
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]


def test_checkpoints_that_others_wrote_stay(tiny_bert, tmp_path):
    for step in (500, 1000):
        (tmp_path / "run" / f"checkpoint-{step}").mkdir(parents=True)
    with Checkpoints(tmp_path / "run", restart=True) as checkpoints:
        fresh(tiny_bert).fit(data(), data(), RecordingCallback(), checkpoints, **FIT)
        checkpoints.clear()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["checkpoint-1000", "checkpoint-500"]


def test_the_lock_of_a_process_that_died_while_it_saved_goes(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".checkpoint-000000-00000007.lock").write_text("")
    with Checkpoints(tmp_path / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ModelFolderError, match="run is no folder, and checkpoints go into one; move it away"):
        Checkpoints(tmp_path / "run").__enter__()


def test_a_head_without_steps_does_not_take_the_place_of_an_unfinished_run(tiny_bert, tmp_path):
    fresh(tiny_bert).fit(data(), data(), RecordingCallback(), tmp_path / "run", **FIT)
    callback = RecordingCallback()
    with pytest.raises(ConfigError, match=r'holds an unfinished run that differs: .*fine_tune was "all", is "none"'):
        fresh(tiny_bert).fit(data(), data(), callback, tmp_path / "run", fine_tune="none")
    assert callback.texts == 0


def test_another_size_of_the_vocabulary_is_another_run(tmp_path):
    words = sorted({word for text in TEXTS for word in text.split()})
    (tmp_path / "vectors.txt").write_text("".join(f"{word} {n}.5 1\n" for n, word in enumerate(words)))

    def fit(limit):
        model = tg.TextClassifier(tmp_path / "vectors.txt", ["bad", "good"], vocabulary_limit=limit)
        model.fit(data(), data(), RecordingCallback(), tmp_path / "run", **FIT)

    fit(3)
    with pytest.raises(ConfigError, match="unfinished run that differs: backbone"):
        fit(4)


def test_cut_and_resumed_in_one_process_matrices_of_lora_count_once(tiny_bert, tmp_path):
    whole, model = fresh(tiny_bert), fresh(tiny_bert)
    whole.fit(data(), data(), RecordingCallback(), fine_tune="lora:2", **FIT)
    before = final_state(model)[0]
    with checkpoint_every_step(tmp_path / "run") as checkpoints, pytest.raises(SimulatedCrashError):
        model.fit(data(), data(), RecordingCallback(STEPS + 2, crash), checkpoints, fine_tune="lora:2", **FIT)
    for name, weight in final_state(model)[0].items():
        if name.startswith("backbone") and "kernel" in name:
            np.testing.assert_array_equal(weight, before[name], err_msg=name)
    model.fit(data(), data(), RecordingCallback(), tmp_path / "run", fine_tune="lora:2", **FIT)
    for name, weight in final_state(model)[0].items():
        if "kernel" in name:
            np.testing.assert_array_equal(weight, final_state(whole)[0][name], err_msg=name)


def test_cut_while_all_is_removed_nothing_stays(tiny_bert, tmp_path, monkeypatch):
    """The last checkpoint has lost its name already, and is not gone yet."""
    fresh(tiny_bert).fit(data(), data(), RecordingCallback(), tmp_path / "run", **FIT)
    with monkeypatch.context() as patched, Checkpoints(tmp_path / "run") as checkpoints:
        patched.setattr("textgraft.storage.folders.shutil.rmtree", lambda *_, **__: crash())
        with pytest.raises(SimulatedCrashError):
            checkpoints.clear()
    (leaving,) = (tmp_path / "run").iterdir()
    assert ".removed." in leaving.name
    with Checkpoints(tmp_path / "run"):
        assert not (tmp_path / "run").exists()


def test_what_was_made_for_a_run_goes_before_its_checkpoints(tiny_bert, tmp_path, monkeypatch):
    fresh(tiny_bert).fit(data(), data(), RecordingCallback(), tmp_path / "run", **FIT)
    gone = []
    with Checkpoints(tmp_path / "run") as checkpoints:
        checkpoints.prepared_files("something", {}, lambda: {"file": [b"x"]})
        monkeypatch.setattr("textgraft.storage.folders.remove_folder", lambda folder: gone.append(folder.name))
        checkpoints.clear()
    assert [name.split("-")[0] for name in gone] == ["made", "checkpoint"]


def test_a_damaged_checkpoint_is_refused(tiny_bert, tmp_path):
    fresh(tiny_bert).fit(data(), data(), RecordingCallback(), tmp_path / "run", **FIT)
    (weights,) = (tmp_path / "run").glob("*/weights.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(ModelFolderError, match="altered"):
        fresh(tiny_bert).fit(data(), data(), RecordingCallback(), tmp_path / "run", **FIT)


def test_a_loss_that_is_no_number_stops_within_a_step(tiny_bert, tmp_path):
    model = fresh(tiny_bert)

    def spoil():
        model.head.get_layer("logits").bias.assign([np.nan])

    message = (
        r"the loss became nan in epoch 1, step 4 \(learning rate 0\.0\S+, trained on texts, row [\d, ]+\); there is no"
    )
    with pytest.raises(TrainingError, match=message):
        model.fit(data(), data(), RecordingCallback(3, spoil), tmp_path / "run", **FIT)


def test_a_validation_loss_that_is_no_number_stops(tiny_bert):
    """float32 has no room for the square of one of the numbers."""
    numbers = tg.Dataset.from_lists(TEXTS[:2], [1.0, 1e36], problem="regression")
    model = tg.TextClassifier(tiny_bert, problem="regression", precision="float32")
    train = tg.Dataset.from_lists(TEXTS, [1.0, 2.0] * 14, problem="regression")
    with pytest.raises(TrainingError, match=r"val_loss became inf after epoch 1; try a lower learning rate"):
        model.fit(train, numbers, RecordingCallback(), **FIT)


def test_weights_that_are_no_numbers_are_never_saved(tiny_bert, tmp_path):
    model = fresh(tiny_bert)

    def spoil():
        model.head.get_layer("logits").bias.assign([np.nan])

    with checkpoint_every_step(tmp_path / "run") as checkpoints:
        with pytest.raises(TrainingError, match=r"no longer finite after epoch 1, step 3; .*holds the last checkpoint"):
            model.fit(data(), data(), RecordingCallback(3, spoil), checkpoints, **FIT)
        (checkpoint,) = (tmp_path / "run").iterdir()
    assert json.loads((checkpoint / "state.json").read_text())["progress"]["step"] == 2


def test_the_gradient_of_a_bad_step_is_not_applied(tiny_bert, monkeypatch):
    model = fresh(tiny_bert)
    before = final_state(model)[0]
    monkeypatch.setattr(model, "loss", lambda targets, logits: logits[:, 0] * float("inf"))
    with pytest.raises(TrainingError):
        model.fit(data(), data(), RecordingCallback(), head="gradient", **FIT)
    for name, weight in final_state(model)[0].items():
        np.testing.assert_array_equal(weight, before[name], err_msg=name)


def test_the_time_left_is_known_after_a_few_steps(tiny_bert):
    callback = RecordingCallback()
    fresh(tiny_bert).fit(data(), data(), callback, **FIT)
    assert callback.seconds_left[0] is None
    assert all(left >= 0 for left in callback.seconds_left[1:])
    assert callback.seconds_left[-1] < callback.seconds_left[1]
