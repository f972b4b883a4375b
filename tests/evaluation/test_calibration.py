"""The temperature is the one that makes the labels most probable, held near 1 where they are few."""

import numpy as np
import pytest

from textgraft.evaluation.calibration import best_temperature
from textgraft.evaluation.metrics import log_loss


def drawn(texts, labels=3, seed=0):
    """Logits, and targets drawn with just the probabilities that they say."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (texts, labels)).astype(np.float32)
    chances = np.cumsum(softmax(logits), axis=1)
    return (random.random((texts, 1)) > chances).sum(axis=1), logits


def softmax(logits):
    shares = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("times", [0.25, 1, 4])
@pytest.mark.parametrize("labels", [2, 3, 20])
def test_it_undoes_what_was_multiplied(times, labels):
    targets, logits = drawn(20_000, labels)
    assert best_temperature(targets, times * logits) == pytest.approx(times, rel=0.03)


@pytest.mark.parametrize("texts", [1, 5, 40])
def test_no_other_temperature_is_better(texts):
    targets, logits = drawn(texts)
    logits *= 5

    def penalised(temperature):
        return texts * log_loss(targets, softmax(logits / temperature)) + np.log(temperature) ** 2 / 2

    grid = np.geomspace(0.02, 50, 2000)
    assert penalised(best_temperature(targets, logits)) <= min(map(penalised, grid)) + 1e-6


def test_a_few_right_texts_make_no_model_sure():
    targets = np.zeros(3, np.int64)
    right = np.tile(np.array([[3, 0]], np.float32), (3, 1))
    assert 0.7 < best_temperature(targets, right) < 1
    assert best_temperature(targets, -right) > 1.5
    assert best_temperature(targets[:0], right[:0]) == 1


def test_logits_of_any_size():
    targets, logits = drawn(50)
    assert np.isfinite(best_temperature(targets, logits * 1e6))
    assert np.isfinite(best_temperature(targets, logits * 0))
