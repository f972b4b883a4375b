"""Callbacks of `fit`: their events, their errors, and that they cannot change a run."""

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.resuming import final_state
from textgraft.errors import ConfigError
from textgraft.training.callbacks import Callbacks

FIT = {"epochs": 2, "batch_size": 4, "learning_rate": 1e-2, "progress": False, "keep_reference": 0}


def data():
    return tg.Dataset.from_lists(["a good film", "a bad film", "good", "bad"] * 3, ["pos", "neg"] * 6)


def fresh(preset):
    return tg.TextClassifier(preset, ["neg", "pos"], precision="float32", seed=0)


class Events(tg.Callback):
    """Records the events, and changes all that it receives."""

    def __init__(self):
        self.events, self.steps, self.records, self.history = [], [], [], None

    def on_train_begin(self, facts, is_resumed):
        self.events.append("begin")
        self.epochs, self.is_resumed = facts["fit"]["epochs"], is_resumed
        facts["fit"]["epochs"] = 0

    def on_step_end(self, step):
        self.events.append("step")
        self.steps.append(step)
        step.metrics.clear()

    def on_epoch_end(self, record):
        self.events.append("epoch")
        self.records.append(dict(record))
        record.clear()

    def on_train_end(self, history):
        self.events.append("end")
        self.history = history
        history.records.clear()

    def close(self):
        self.events.append("close")


def test_events_come_in_order_and_change_nothing(tiny_word_vectors):
    first, second, model, plain = Events(), Events(), fresh(tiny_word_vectors), fresh(tiny_word_vectors)
    history = model.fit(data(), validation=data(), callbacks=[first, second], **FIT)
    plain.fit(data(), validation=data(), **FIT)
    state, expected = final_state(model), final_state(plain)
    assert state[1:] == expected[1:]
    for name, weight in state[0].items():
        np.testing.assert_array_equal(weight, expected[0][name])
    assert first.events == ["begin", *(["step"] * 3 + ["epoch"]) * 2, "end", "close"]
    assert second.events == first.events
    assert [(step.number, step.epoch, step.texts) for step in first.steps] == [
        (number, 1 + (number > 3), 4) for number in range(1, 7)
    ]
    assert second.records == history.records == model.history
    assert first.epochs == second.epochs == 2
    assert not first.is_resumed


@pytest.mark.parametrize(
    "event",
    [
        "on_train_begin",
        "on_train_end",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("on_step_end", "on_epoch_end")),
    ],
)
def test_exception_of_a_callback_is_raised_by_fit(event, tiny_word_vectors):
    callback = Events()

    def fail(*_):
        raise ZeroDivisionError(event)

    setattr(callback, event, fail)
    with pytest.raises(ZeroDivisionError, match=event):
        fresh(tiny_word_vectors).fit(data(), validation=data(), callbacks=callback, **FIT)
    assert callback.events[-1] == "close"


@pytest.mark.parametrize("callbacks", [print, [object()], "csv"])
def test_other_objects_are_no_callbacks(callbacks, tiny_word_vectors):
    with pytest.raises(ConfigError, match=r"callbacks takes .*textgraft\.Callback"):
        fresh(tiny_word_vectors).fit(data(), callbacks=callbacks, **FIT)


def test_all_callbacks_are_closed_after_an_error_of_one():
    first, last, failing = Events(), Events(), Events()
    failing.close = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        Callbacks([first, failing, last]).close()
    assert first.events == last.events == ["close"]
