"""An interrupted run resumes and ends as if it had not been interrupted; a diverging run stops."""

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
from tests.helpers.reviews import LABELS, TEXTS, reviews
from textgraft.errors import ConfigError, InterruptionError, TrainingError

FIT = {"epochs": 2, "batch_size": 7, "learning_rate": 1e-3, "keep_reference": 0}
STEPS = 4  # per epoch


def fresh(preset):
    return tg.TextClassifier(preset, ["bad", "good"], precision="float32")


def fit(model, callback=None, checkpoints=None, **config):
    return model.fit(
        reviews(),
        validation=reviews(),
        callbacks=callback or RecordingCallback(),
        checkpoints=checkpoints,
        **{**FIT, **config},
    )


@pytest.mark.parametrize(
    ("preset", "after", "config"),
    [
        ("tiny_word_vectors", 1, {}),
        ("tiny_word_vectors", STEPS + 2, {"fine_tune": "none"}),
        ("tiny_word_vectors", STEPS + 2, {"contrastive": True, "gradual_unfreezing": True, "layer_decay": 0.8}),
        pytest.param(
            "two_layer_bert", STEPS + 2, {"gradual_unfreezing": True, "layer_decay": 0.8}, marks=pytest.mark.slow
        ),
        pytest.param("two_layer_bert", STEPS + 2, {"fine_tune": "last:1"}, marks=pytest.mark.slow),
        pytest.param("tiny_word_vectors", STEPS - 1, {}, marks=pytest.mark.slow),
        pytest.param("tiny_word_vectors", STEPS, {}, marks=pytest.mark.slow),
        pytest.param("tiny_word_vectors", STEPS + 2, {}, marks=pytest.mark.slow),
        pytest.param("tiny_bert", 1, {}, marks=pytest.mark.slow),
        pytest.param("tiny_bert", STEPS + 2, {}, marks=pytest.mark.slow),
        pytest.param("tiny_bert", STEPS + 2, {"fine_tune": "none"}, marks=pytest.mark.slow),
        pytest.param("tiny_bert", STEPS + 2, {"fine_tune": "lora:2"}, marks=pytest.mark.slow),
        pytest.param("tiny_bert", STEPS + 2, {"head": "gradient"}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_resumed_run_ends_as_an_uninterrupted_one(request, tmp_path, preset, after, config):
    preset = request.getfixturevalue(preset)
    *_, callback = assert_resume_changes_nothing(
        lambda: fresh(preset),
        lambda model, callback, checkpoints: fit(model, callback, checkpoints, **config),
        after,
        tmp_path / "run",
        crashes=2 if after == STEPS - 1 else 1,
    )
    assert any("resumed" in line for line in callback.messages) == (after > 1)


def test_crash_after_the_last_epoch_repeats_the_calibration(tiny_word_vectors, tmp_path):
    def fit_and_crash(model, callback, checkpoints):
        if callback.action:
            model.objective.calibrate = lambda *_: crash()
        fit(model, callback, checkpoints)

    resumed, *_ = assert_resume_changes_nothing(
        lambda: fresh(tiny_word_vectors), fit_and_crash, 2 * STEPS + 1, tmp_path / "run"
    )
    assert resumed.objective.temperature != 1


def test_weights_of_an_earlier_best_epoch_are_in_the_checkpoint(tiny_word_vectors, tmp_path):
    config = {**FIT, "epochs": 3, "learning_rate": 2e-2, "patience": 9, "head": "gradient"}
    others = tg.Dataset.from_lists(TEXTS, LABELS[::-1])  # training lowers the score on these

    def fit_others(model, callback, checkpoints):
        model.fit(reviews(), validation=others, callbacks=callback, checkpoints=checkpoints, **config)

    _, uninterrupted, _ = assert_resume_changes_nothing(
        lambda: fresh(tiny_word_vectors), fit_others, 2 * STEPS + 2, tmp_path / "run"
    )
    assert uninterrupted.record["fit"]["best_epoch"] < 3


@pytest.fixture
def default_interrupt():
    """Python's handler of SIGINT, also where the tests run in the background of a shell, which ignores the signal."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("default_interrupt")
@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.slow), signal.SIGTERM])
def test_signal_finishes_the_step_and_saves(tiny_word_vectors, tmp_path, number):
    callback = RecordingCallback(2, lambda: os.kill(os.getpid(), number))
    with pytest.raises(InterruptionError, match=f"{number.name}; saved at epoch 1, step 2") as stopped:
        fit(fresh(tiny_word_vectors), callback, tmp_path / "run")
    assert callback.steps == 2
    assert stopped.value.exit_code == 128 + number
    callback = RecordingCallback()
    fit(fresh(tiny_word_vectors), callback, tmp_path / "run")
    assert "resumed an unfinished run after epoch 1, step 2" in callback.messages
    assert signal.getsignal(number) is not signal.SIG_DFL or number == signal.SIGTERM


def test_logistic_head_does_not_replace_an_unfinished_run(tiny_word_vectors, tmp_path):
    fit(fresh(tiny_word_vectors), checkpoints=tmp_path / "run")
    callback = RecordingCallback()
    with pytest.raises(ConfigError, match=r'fine_tune was "all", is "none"'):
        fresh(tiny_word_vectors).fit(
            reviews(), validation=reviews(), callbacks=callback, checkpoints=tmp_path / "run", fine_tune="none"
        )
    assert callback.texts == 0


def test_another_vocabulary_size_is_another_run(tmp_path):
    words = sorted({word for text in TEXTS for word in text.split()})
    (tmp_path / "vectors.txt").write_text("".join(f"{word} {n}.5 1\n" for n, word in enumerate(words)))

    def fit_vocabulary(limit):
        model = tg.TextClassifier(tmp_path / "vectors.txt", ["bad", "good"], vocabulary_limit=limit)
        fit(model, checkpoints=tmp_path / "run")

    fit_vocabulary(3)
    with pytest.raises(ConfigError, match="unfinished run of other options, data or versions: backbone"):
        fit_vocabulary(4)


@pytest.mark.slow
def test_lora_updates_are_merged_once_when_resumed_in_one_process(tiny_bert, tmp_path):
    uninterrupted, model = fresh(tiny_bert), fresh(tiny_bert)
    fit(uninterrupted, fine_tune="lora:2")
    before = final_state(model)[0]
    with checkpoint_every_step(tmp_path / "run") as checkpoints, pytest.raises(SimulatedCrashError):
        fit(model, RecordingCallback(STEPS + 2, crash), checkpoints, fine_tune="lora:2")
    for name, weight in final_state(model)[0].items():
        if name.startswith("backbone"):
            np.testing.assert_array_equal(weight, before[name], err_msg=name)
    fit(model, checkpoints=tmp_path / "run", fine_tune="lora:2")
    expected = final_state(uninterrupted)[0]
    for name, weight in final_state(model)[0].items():
        if "kernel" in name:
            np.testing.assert_array_equal(weight, expected[name], err_msg=name)


def test_loss_that_is_not_finite_stops_within_the_step(tiny_word_vectors, tmp_path):
    model = fresh(tiny_word_vectors)
    callback = RecordingCallback(3, lambda: model.head.get_layer("logits").bias.assign([np.nan]))
    message = (
        r"the loss became nan in epoch 1, step 4 \(learning rate \S+, trained on texts, row [\d, ]+\); there is no "
        "checkpoint yet; try a lower learning rate"
    )
    with pytest.raises(TrainingError, match=message):
        fit(model, callback, tmp_path / "run")


def test_validation_loss_that_is_not_finite_stops(tiny_word_vectors):
    """The square of 1e36 overflows float32."""
    validation = tg.Dataset.from_lists(TEXTS[:2], [1.0, 1e36], problem="regression")
    model = tg.TextClassifier(tiny_word_vectors, problem="regression", precision="float32")
    train = tg.Dataset.from_lists(TEXTS, [1.0, 2.0] * 14, problem="regression")
    with pytest.raises(TrainingError, match=r"val_(loss|rmse) became inf after epoch 1; try a lower learning rate"):
        model.fit(train, validation=validation, callbacks=RecordingCallback(), **FIT)


def test_gradient_that_is_not_finite_is_not_applied(tiny_word_vectors, monkeypatch):
    model = fresh(tiny_word_vectors)
    before = final_state(model)[0]
    monkeypatch.setattr(model.objective, "loss", lambda targets, logits: logits[:, 0] * float("inf"))
    with pytest.raises(TrainingError):
        fit(model, head="gradient")
    for name, weight in final_state(model)[0].items():
        np.testing.assert_array_equal(weight, before[name], err_msg=name)


def test_remaining_time_is_known_after_the_first_steps(tiny_word_vectors):
    callback = RecordingCallback()
    fit(fresh(tiny_word_vectors), callback)
    assert callback.seconds_left[0] is None
    assert all(seconds >= 0 for seconds in callback.seconds_left[1:])
    assert callback.seconds_left[-1] < max(callback.seconds_left[1:])
