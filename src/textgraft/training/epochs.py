"""Epochs of a run: their number, the batches of each, and the best one."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from textgraft.data.metrics import Metric
from textgraft.training.config import TrainingConfig

# Large enough to leave little padding, small enough to mix a row with different rows in each epoch.
_BATCHES_PER_POOL = 24

_ROUNDING = 1e-6


@dataclass(frozen=True)
class BestEpoch:
    """Selection of the best epoch, and the criterion of early stopping.

    Attributes:
        metric: ranks the epochs.
        sample_size: number of independent samples that the metric averages.
    """

    metric: Metric
    sample_size: int

    def select(self, records: Sequence[Mapping[str, float]]) -> int:
        """The best epoch, from 1.

        By a share: the last epoch within one standard error of the highest share up to then. A hundred rows cannot
        distinguish 0.80 from 0.83, and of two epochs with similar scores under a decaying learning rate the later one
        generalizes better (Breiman et al., 1984; docs/measurements.md). By another metric: the first with the best.
        """
        values = _validation(records, self.metric.name)
        if not self.metric.is_share:
            return 1 + values.index(min(values, key=self.metric.sort_key)) if values else 1
        best, highest = 1, 0.0
        for epoch, score in enumerate(values, start=1):
            highest = max(highest, score)
            if score >= highest - standard_error(highest, self.sample_size):
                best = epoch
        return best

    def epochs_without_improvement(self, records: Sequence[Mapping[str, float]]) -> int:
        """Epochs since the metric was better than before, or the loss lower."""
        epochs, best, lowest = 0, 0.0 if self.metric.is_share else float("inf"), float("inf")
        keys = map(self.metric.sort_key, _validation(records, self.metric.name))
        for key, loss in zip(keys, _validation(records, "loss"), strict=True):
            epochs = 0 if key < best or loss < lowest else epochs + 1
            best, lowest = min(best, key), min(lowest, loss)
        return epochs


class LastEpoch:
    """In place of `BestEpoch` where nothing is validated: all planned epochs, of which the last is kept."""

    def select(self, records: Sequence[Mapping[str, float]]) -> int:
        """The last epoch, from 1."""
        return max(1, len(records))

    def epochs_without_improvement(self, records: Sequence[Mapping[str, float]]) -> int:
        """Always 0."""
        return 0


def standard_error(share: float, sample_size: int) -> float:
    """Standard error of a share of correct answers; at least 1 / `sample_size`, with a margin for rounded shares."""
    return max(math.sqrt(share * (1 - share) / sample_size), (1 + _ROUNDING) / sample_size)


def is_few_texts(rows: int, epochs: int, batch_size: int, min_steps: int) -> bool:
    """Whether the default number of epochs makes fewer steps than fine-tuning needs."""
    return enough_epochs(epochs, rows, batch_size, min_steps) > epochs


def extend_for_few_texts(
    config: TrainingConfig, rows: int, options: Mapping[str, Any], min_steps: int
) -> TrainingConfig:
    """Increase epochs and patience for few rows per epoch, unless they are among the options that the user set.

    Args:
        config: with all values filled in.
        rows: of an epoch.
        options: that the user set.
        min_steps: of the run. Patience lasts half of them: with less, training can stop before it improves.
    """
    extended: dict[str, Any] = {
        name: enough_epochs(getattr(config, name), rows, config.batch_size or 1, steps)
        for name, steps in {"epochs": min_steps, "patience": min_steps // 2}.items()
        if options.get(name) is None
    }
    return replace(config, **extended)


def enough_epochs(epochs: int, rows: int, batch_size: int, min_steps: int) -> int:
    """`epochs`, or the number that makes `min_steps` optimizer steps if that is larger."""
    return max(epochs, -(-min_steps // -(-max(1, rows) // batch_size)))


def shuffled_batches(
    lengths: np.ndarray, batch_size: int, seed: int, epoch: int, sampling_weights: np.ndarray | None = None
) -> list[np.ndarray]:
    """Row indices of the training batches of one epoch, a function of seed and epoch.

    Rows are shuffled, sorted by length within pools of 24 batches, cut into batches, and the batches are shuffled.

    Args:
        lengths: (n,), tokens per row.
        batch_size: maximum rows per batch; within a pool, batch sizes differ by at most one.
        seed: of the run.
        epoch: index from 0.
        sampling_weights: float (n,), at least 1: expected occurrences of each row per epoch; None for exactly one.
            The number of batches is the same in all epochs.
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


def _validation(records: Sequence[Mapping[str, float]], name: str) -> list[float]:
    return [record[f"val_{name}"] for record in records]
