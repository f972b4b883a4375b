"""A run that was cut short and resumed, beside one that was not: both must end as one."""

import numpy as np
import pytest

from textgraft.training.checkpoints import Checkpoints


class CutError(Exception):
    """Stands for a death of the process."""


class Watcher:
    """Does something after some step, and keeps what it was told."""

    def __init__(self, after=None, action=None):
        self.after, self.action = after, action
        self.steps, self.texts, self.notes, self.left, self.records = 0, 0, [], [], []

    def extracted(self, texts, total):
        self.texts += texts

    def step(self, epoch, texts, means, left):
        self.steps += 1
        self.left.append(left)
        if self.steps == self.after:
            self.action()

    def epoch(self, record):
        self.records.append(record)

    def note(self, line):
        self.notes.append(line)


def cut():
    raise CutError


def often(folder):
    """Checkpoints after each step."""
    return Checkpoints(folder, save_minutes=1e-9)


def cut_and_resumed(fresh, fit, after, folder, whole=None, cuts=1):
    """Assert that it makes no difference.

    Args:
        fresh: gives the model, as it is before it is trained.
        fit: trains a model: (model, watcher, checkpoints).
        after: the step after which the process dies.
        folder: of the run.
        whole: trained at one go already.
        cuts: how often it is begun and dies.

    Returns:
        the resumed model, the one trained at one go, and who watched the resumed run.
    """
    if whole is None:
        whole = fresh()
        fit(whole, Watcher(), None)
    for _ in range(cuts):
        with pytest.raises(CutError), often(folder) as checkpoints:
            fit(fresh(), Watcher(after, cut), checkpoints)
    resumed, watcher = fresh(), Watcher()
    fit(resumed, watcher, folder)
    assert_same(end(resumed), end(whole))
    return resumed, whole, watcher


def end(model):
    """All that must be the same in the end: weights, settings, and the history but for the clock."""
    weights = {name: weight.numpy() for name, weight in model._weights().items()}
    clock = {"seconds", "texts_per_second"}
    history = [{key: value for key, value in row.items() if key not in clock} for row in model.history]
    return weights, history, model.settings()


def assert_same(first, second):
    assert first[1:] == second[1:]
    for name, weight in first[0].items():
        np.testing.assert_array_equal(weight, second[0][name], err_msg=name)
