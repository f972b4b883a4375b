"""A run that was cut short and resumed, beside one that was not: both must end as one."""

import numpy as np
import pytest

from textgraft.training.checkpoints import Checkpoints


class SimulatedCrashError(Exception):
    """Stands for a death of the process."""


class RecordingCallback:
    """Does something after some step, and keeps what it was told."""

    def __init__(self, after=None, action=None):
        self.after, self.action = after, action
        self.steps, self.texts, self.messages, self.seconds_left, self.records = 0, 0, [], [], []

    def on_features_extracted(self, texts, total):
        self.texts += texts

    def on_step_end(self, epoch, texts, means, seconds_left):
        self.steps += 1
        self.seconds_left.append(seconds_left)
        if self.steps == self.after:
            self.action()

    def on_epoch_end(self, record):
        self.records.append(record)

    def on_message(self, line):
        self.messages.append(line)


def crash():
    raise SimulatedCrashError


def checkpoint_every_step(folder):
    """Checkpoints after each step."""
    return Checkpoints(folder, save_minutes=1e-9)


def assert_resume_changes_nothing(fresh, fit, after, folder, whole=None, cuts=1):
    """Assert that it makes no difference.

    Args:
        fresh: gives the model, as it is before it is trained.
        fit: trains a model: (model, callback, checkpoints).
        after: the step after which the process dies.
        folder: of the run.
        whole: trained at one go already.
        cuts: how often it is begun and dies.

    Returns:
        the resumed model, the one trained at one go, and who watched the resumed run.
    """
    if whole is None:
        whole = fresh()
        fit(whole, RecordingCallback(), None)
    for _ in range(cuts):
        with pytest.raises(SimulatedCrashError), checkpoint_every_step(folder) as checkpoints:
            fit(fresh(), RecordingCallback(after, crash), checkpoints)
    resumed, callback = fresh(), RecordingCallback()
    fit(resumed, callback, folder)
    assert_same_state(final_state(resumed), final_state(whole))
    return resumed, whole, callback


def final_state(model):
    """All that must be the same in the end: weights, settings, and the history but for the clock."""
    weights = {name: weight.numpy() for name, weight in model.weights.items()}
    clock = {"seconds", "texts_per_second"}
    history = [{key: value for key, value in row.items() if key not in clock} for row in model.history]
    return weights, history, model.settings()


def assert_same_state(first, second):
    assert first[1:] == second[1:]
    for name, weight in first[0].items():
        np.testing.assert_array_equal(weight, second[0][name], err_msg=name)
