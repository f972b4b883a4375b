"""Which epoch is kept, and when training stops."""

import pytest

from textgraft.data.metrics import LANGUAGE_MODEL, REGRESSION, SINGLE_LABEL, find_metric
from textgraft.errors import ConfigError
from textgraft.training.epochs import BestEpoch

ACCURACY, LOSS = SINGLE_LABEL[0], LANGUAGE_MODEL[0]
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
    assert BestEpoch(ACCURACY, ROWS).select(records) == kept
    assert BestEpoch(ACCURACY, ROWS).epochs_without_improvement(records) == stale


def test_few_rows_tell_no_epoch_from_another():
    """Of two rows that are right by luck, and of seven of which one is wrong afterwards."""
    for rows, scores in ((2, [0.5, 1.0, 0.5]), (7, [1.0, 6 / 7]), (7, [6 / 7, 5 / 7])):
        records = [{"val_accuracy": score, "val_loss": 1} for score in scores]
        assert BestEpoch(ACCURACY, rows).select(records) == len(scores)


@pytest.mark.parametrize(("name", "kept"), [("mae", 2), ("pearson", 3), ("loss", 4), (None, 4)])
def test_metric_without_a_standard_error_keeps_its_best_epoch(name, kept):
    values = {"val_mae": [3, 1, 2, 1.5], "val_pearson": [-0.2, 0.1, 0.8, 0.79], "val_loss": [4, 3, 2, 1]}
    records = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    assert BestEpoch(find_metric(name, REGRESSION), ROWS).select(records) == kept


def test_unknown_metric_is_reported_with_those_of_the_task():
    with pytest.raises(ConfigError, match="metric 'f1' is unknown for this task; choose one of accuracy, macro_f1, we"):
        find_metric("f1", SINGLE_LABEL)


def test_without_a_score_the_lowest_loss_counts():
    records = [{"val_loss": loss} for loss in (3, 1, 2, 1.5)]
    assert BestEpoch(LOSS, ROWS).select(records) == 2
    assert BestEpoch(LOSS, ROWS).epochs_without_improvement(records) == 2
