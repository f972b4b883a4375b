"""Which epoch is kept, and when training stops."""

import keras
import pytest

from textgraft.training.loop import _Best


def offered(scores, losses):
    """Epoch kept, its weight (the number of the epoch), and how long nothing got better."""
    variable = keras.Variable(0.0)
    best = _Best([variable])
    for epoch, (score, loss) in enumerate(zip(scores, losses, strict=True), start=1):
        variable.assign(epoch)
        best.offer(epoch, score, loss)
    best.restore()
    return best.epoch, float(variable.value), best.stale


@pytest.mark.parametrize(
    ("scores", "losses", "kept", "stale"),
    [
        ([0.6, 0.8, 0.7], [3, 2, 2.5], 2, 1),
        ([0.6, 0.8, 0.8, 0.7], [3, 2, 2, 2], 3, 2),
        ([0.8, 0.7, 0.7], [3, 2, 1], 1, 0),
        ([0.8, 0.7, 0.9], [1, 2, 3], 3, 0),
        ([0.0, 0.0], [1, 1], 2, 1),
    ],
)
def test_the_highest_score_and_of_equal_ones_the_last(scores, losses, kept, stale):
    assert offered(scores, losses) == (kept, kept, stale)
