"""Batch order: a function of seed and epoch, with rows of similar length in one batch."""

from collections.abc import Iterable, Iterator

import numpy as np

# Large enough to leave little padding, small enough to mix a row with different rows in each epoch.
_BATCHES_PER_POOL = 24


def shuffled_batches(
    lengths: np.ndarray, batch_size: int, seed: int, epoch: int, sampling_weights: np.ndarray | None = None
) -> list[np.ndarray]:
    """Training batches of one epoch.

    Rows are shuffled, sorted by length within pools of 24 batches, cut into batches, and the batches are shuffled.

    Args:
        lengths: (n,), tokens per row.
        batch_size: rows per batch; within a pool, batch sizes differ by at most one.
        seed: seed of the run.
        epoch: index from 0.
        sampling_weights: float (n,), at least 1: expected occurrences of each row per epoch; None for exactly one.
            The number of batches is the same in all epochs.

    Returns:
        arrays of row indices.
    """
    random = np.random.Generator(np.random.PCG64([seed, epoch]))
    order = random.permutation(len(lengths))
    if sampling_weights is not None:
        order = random.permutation(np.repeat(order, _occurrences(sampling_weights[order])))
    pool_size = batch_size * _BATCHES_PER_POOL
    batches: list[np.ndarray] = []
    for start in range(0, len(order), pool_size):
        pool = order[start : start + pool_size]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += np.array_split(pool, -(-len(pool) // batch_size))
    return [batches[index] for index in random.permutation(len(batches))]


def rows_per_epoch(rows: int, sampling_weights: np.ndarray | None) -> int:
    """Total rows in the batches of an epoch; see `shuffled_batches`."""
    return rows if sampling_weights is None else int(_occurrences(sampling_weights).sum())


def batches_by_length(lengths: np.ndarray, max_tokens: int, max_rows: int) -> Iterator[np.ndarray]:
    """Indices of batches for inference, longest rows first, so that a lack of memory shows at once.

    `max_tokens` counts padding; a single longer row is a batch by itself.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        rows = min(max_rows, max(1, max_tokens // max(1, int(lengths[order[start]]))))
        yield order[start : start + rows]
        start += rows


def padding_share(lengths: np.ndarray, batches: Iterable[np.ndarray]) -> float:
    """Share of padding among the tokens of batches, which are arrays of row indices."""
    real = padded = 0
    for rows in batches:
        real += int(lengths[rows].sum())
        padded += len(rows) * int(lengths[rows].max())
    return (padded - real) / max(1, padded)


def _occurrences(sampling_weights: np.ndarray) -> np.ndarray:
    """Integers with the same running sum, rounded down (systematic sampling)."""
    # Smaller than any fractional weight in use, larger than the rounding error of the sum.
    ends = np.floor(np.cumsum(sampling_weights) + 1e-6).astype(np.int64)
    return np.diff(ends, prepend=0)
