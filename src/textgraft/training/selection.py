"""Which epoch's weights are kept, and when more epochs are not worth it: functions of the history."""

from collections.abc import Sequence


def kept_epoch(scores: Sequence[float], rows: int) -> int:
    """The last epoch whose validation score is within a standard error of the highest up to then.

    A hundred rows cannot tell 0.80 from 0.83, and of two epochs that score alike under a decaying learning rate the
    later one generalizes better (Breiman et al., 1984; docs/benchmarks.md).

    Args:
        scores: the share of validation rows that were right, of each epoch.
        rows: number of validation rows.

    Returns:
        the epoch, from 1.
    """
    kept, highest = 1, 0.0
    for epoch, score in enumerate(scores, start=1):
        highest = max(highest, score)
        if score >= highest - (highest * (1 - highest) / rows) ** 0.5:
            kept = epoch
    return kept


def stale_epochs(scores: Sequence[float], losses: Sequence[float]) -> int:
    """Epochs since the highest validation score rose or the lowest validation loss fell."""
    stale, highest, lowest = 0, 0.0, float("inf")
    for score, loss in zip(scores, losses, strict=True):
        stale = 0 if score > highest or loss < lowest else stale + 1
        highest, lowest = max(highest, score), min(lowest, loss)
    return stale
