"""Which epoch is kept, and when training stops."""

import pytest

from textgraft.training.epochs import BestEpoch

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
        ([1.0, 0.98], [1, 1], 1, 1),
        ([1.0, 0.99], [1, 1], 2, 1),
    ],
)
def test_the_last_epoch_within_a_standard_error_of_the_highest_score(scores, losses, kept, stale):
    records = [{"val_accuracy": score, "val_loss": loss} for score, loss in zip(scores, losses, strict=True)]
    assert BestEpoch("accuracy", ROWS).select(records) == kept
    assert BestEpoch("accuracy", ROWS).epochs_without_improvement(records) == stale


def test_few_rows_tell_no_epoch_from_another():
    """Of two rows that are right by luck, and of seven of which one is wrong afterwards."""
    for rows, scores in ((2, [0.5, 1.0, 0.5]), (7, [1.0, 6 / 7]), (7, [6 / 7, 5 / 7])):
        records = [{"val_accuracy": score, "val_loss": 1} for score in scores]
        assert BestEpoch("accuracy", rows).select(records) == len(scores)


def test_without_a_score_the_lowest_loss_counts():
    records = [{"val_loss": loss} for loss in (3, 1, 2, 1.5)]
    assert BestEpoch(None, ROWS).select(records) == 2
    assert BestEpoch(None, ROWS).epochs_without_improvement(records) == 2
