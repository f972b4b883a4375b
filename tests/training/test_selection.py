"""Which epoch is kept, and when training stops."""

import pytest

from textgraft.training.selection import kept_epoch, stale_epochs

ROWS = 100  # a standard error is 0.04 at a score of 0.8, and 0.03 at 0.9


@pytest.mark.parametrize(
    ("scores", "losses", "kept", "stale"),
    [
        ([0.6, 0.8, 0.75], [3, 2, 2.5], 2, 1),
        ([0.6, 0.8, 0.77], [3, 2, 2.5], 3, 1),
        ([0.6, 0.8, 0.8, 0.7], [3, 2, 2, 2], 3, 2),
        ([0.8, 0.7, 0.7], [3, 2, 1], 1, 0),
        ([0.77, 0.8, 0.9, 0.86], [1, 2, 3, 4], 3, 1),
        ([0.0, 0.0], [1, 1], 2, 1),
        ([1.0, 0.99], [1, 1], 1, 1),
    ],
)
def test_the_last_epoch_within_a_standard_error_of_the_highest_score(scores, losses, kept, stale):
    assert kept_epoch(scores, ROWS) == kept
    assert stale_epochs(scores, losses) == stale
