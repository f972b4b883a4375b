"""Confident answers that become labels."""

import numpy as np
import pytest

from textgraft.training.pseudo_labels import label_shares, most_confident


def test_a_frequent_answer_does_not_displace_the_others():
    logits = np.concatenate([np.linspace(1, 9, 90), np.linspace(-1, -0.1, 10)])[:, np.newaxis]
    pseudo = most_confident(logits, 0.2, np.array([0.5, 0.5]))
    assert np.bincount(pseudo.labels).tolist() == [10, 10]
    assert pseudo.rows.tolist() == [*range(80, 90), *range(90, 100)]
    assert pseudo.confidence == pytest.approx(1 / (1 + np.exp(-0.1)))
    assert most_confident(logits, 0.2, np.array([0.5, 0.5]), 0.9).labels.tolist() == [1] * 10


def test_shares_of_labels_are_smoothed():
    np.testing.assert_allclose(label_shares(np.array([0, 0, 1]), 3), [3 / 6, 2 / 6, 1 / 6])
