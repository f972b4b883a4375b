"""Interrupted and resumed runs, compared with an uninterrupted one."""

import numpy as np
import pytest

from textgraft.training.callbacks import Callback
from textgraft.training.checkpoints import Checkpoints


class SimulatedCrashError(Exception):
    """Raised in place of the death of the process."""


class RecordingCallback(Callback):
    """Records the events of a run, and calls `action` after a step."""

    def __init__(self, after=None, action=None):
        self.after, self.action = after, action
        self.steps, self.texts, self.messages, self.seconds_left, self.records = 0, 0, [], [], []

    def on_features_extracted(self, texts, total):
        self.texts += texts

    def on_step_end(self, step):
        self.steps += 1
        self.seconds_left.append(step.seconds_left)
        if self.steps == self.after:
            self.action()

    def on_epoch_end(self, record):
        self.records.append(record)

    def on_message(self, line):
        self.messages.append(line)


def crash():
    raise SimulatedCrashError


def checkpoint_every_step(folder):
    return Checkpoints(folder, save_minutes=1e-9)


def assert_resume_changes_nothing(fresh, fit, after, folder, uninterrupted=None, crashes=1):
    """Assert that a run that crashes and is resumed ends as an uninterrupted one.

    Args:
        fresh: creates the untrained model.
        fit: trains a model: (model, callback, checkpoints).
        after: the step after which the process crashes.
        folder: of the checkpoints.
        uninterrupted: the model of the uninterrupted run; trained here by default.
        crashes: number of times the run is started and crashes.

    Returns:
        the resumed model, the uninterrupted one, and the callback of the resumed run.
    """
    if uninterrupted is None:
        uninterrupted = fresh()
        fit(uninterrupted, RecordingCallback(), None)
    for _ in range(crashes):
        with pytest.raises(SimulatedCrashError), checkpoint_every_step(folder) as checkpoints:
            fit(fresh(), RecordingCallback(after, crash), checkpoints)
    resumed, callback = fresh(), RecordingCallback()
    fit(resumed, callback, folder)
    assert_same_state(final_state(resumed), final_state(uninterrupted))
    return resumed, uninterrupted, callback


def final_state(model):
    """Weights, history without clock times, and settings: all that a resumed run must reproduce."""
    weights = {name: weight.numpy() for name, weight in model.weights.items()}
    clock = {"seconds", "texts_per_second"}
    history = [{key: value for key, value in record.items() if key not in clock} for record in model.history]
    return weights, history, model.settings()


def assert_same_state(state, expected):
    assert state[1:] == expected[1:]
    for name, weight in state[0].items():
        np.testing.assert_array_equal(weight, expected[0][name], err_msg=name)
