"""Which rows go into which batch. The order is a function of seed and epoch; rows of like length go together."""

from collections.abc import Iterable, Iterator

import numpy as np

# Enough that little is padded, few enough that a row meets others in each epoch.
_BATCHES_SORTED_TOGETHER = 24


def shuffled(
    lengths: np.ndarray, batch_size: int, seed: int, epoch: int, sampling_weights: np.ndarray | None = None
) -> list[np.ndarray]:
    """Batches for one epoch of training; each row is in exactly one, or in as many as `sampling_weights` says.

    Rows are shuffled, sorted by length within pools of 24 batches, cut, and the batches shuffled again.

    Args:
        lengths: (n,), tokens of each row.
        batch_size: rows in a batch; the batches' sizes differ by at most one row in a pool.
        seed: of the run.
        epoch: from 0.
        sampling_weights: float (n,), at least 1: how often each row comes, a fraction as the share of epochs in which
            it comes once more; None for once. The number of batches is the same in each epoch.

    Returns:
        arrays of row indices.
    """
    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = random.permutation(len(lengths))
    if sampling_weights is not None:
        order = random.permutation(np.repeat(order, _copies(sampling_weights[order])))
    pool_size = batch_size * _BATCHES_SORTED_TOGETHER
    batches: list[np.ndarray] = []
    for start in range(0, len(order), pool_size):
        pool = order[start : start + pool_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += np.array_split(pool, -(-len(pool) // batch_size))
    return [batches[number] for number in random.permutation(len(batches))]


def rows_per_epoch(rows: int, sampling_weights: np.ndarray | None) -> int:
    """How many rows the batches of an epoch have in all; see `shuffled`."""
    return rows if sampling_weights is None else int(_copies(sampling_weights).sum())


def by_length(lengths: np.ndarray, tokens: int, most_rows: int) -> Iterator[np.ndarray]:
    """Batches for inference, the longest rows first, so that a lack of memory shows at once.

    Args:
        lengths: (n,), tokens of each row.
        tokens: padded tokens in a batch; a single longer row makes a batch of its own.
        most_rows: rows in a batch.

    Yields:
        arrays of row indices.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = min(most_rows, max(1, tokens // max(1, int(lengths[order[start]]))))
        yield order[start : start + rows]
        start += rows


def _copies(sampling_weights: np.ndarray) -> np.ndarray:
    """Whole numbers of the same sum, as near to it as an order of rows allows (systematic sampling)."""
    # Less than any fraction that a repeat can have, more than the sum's rounding error.
    ends = np.floor(np.cumsum(sampling_weights) + 1e-6).astype(np.int64)
    return np.diff(ends, prepend=0)


def padding(lengths: np.ndarray, order: Iterable[np.ndarray]) -> float:
    """The share of tokens in batches that only fill rows up to the longest.

    Args:
        lengths: (n,), tokens of each row.
        order: batches, as arrays of row indices.
    """
    real = padded = 0
    for rows in order:
        real += int(lengths[rows].sum())
        padded += len(rows) * int(lengths[rows].max())
    return (padded - real) / max(1, padded)
