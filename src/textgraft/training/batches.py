"""Which rows go into which batch. The order is a function of seed and epoch; rows of like length go together."""

from collections.abc import Iterable, Iterator

import numpy as np

# Enough that little is padded, few enough that a row meets others in each epoch.
_BATCHES_SORTED_TOGETHER = 24


def shuffled(lengths: np.ndarray, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Batches for one epoch of training; each row is in exactly one.

    Rows are shuffled, sorted by length within pools of 24 batches, cut, and the batches shuffled again.

    Args:
        lengths: (n,), tokens of each row.
        batch_size: rows in a batch; the batches' sizes differ by at most one row in a pool.
        seed: of the run.
        epoch: from 0.

    Returns:
        arrays of row indices.
    """
    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = random.permutation(len(lengths))
    pool_size = batch_size * _BATCHES_SORTED_TOGETHER
    batches: list[np.ndarray] = []
    for start in range(0, len(order), pool_size):
        pool = order[start : start + pool_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += np.array_split(pool, -(-len(pool) // batch_size))
    return [batches[number] for number in random.permutation(len(batches))]


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
