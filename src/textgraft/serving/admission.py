"""Estimates of the time that texts take, from the batches that a model has computed."""

from typing import NamedTuple

# Of the weight of earlier batches with each new one: the last dozens of batches determine an estimate.
_DECAY = 0.95
# A batch that takes longer than this multiple of its estimate counts as that multiple: the machine was suspended, or
# busy for a moment.
_MAX_SURPRISE = 4.0
# Of the last times relative to their estimates, with each new one: a machine that becomes slower shows at once.
_RECENT_DECAY = 0.8
# Of the variance of costs relative to their mean, from which on overhead and rate can be told apart.
_MIN_SPREAD = 0.01

# Of the time limit, up to which requests are admitted: what is admitted is still answered in time by a machine that
# becomes half as fast.
ADMITTED_SHARE = 0.5


class _Line(NamedTuple):
    """Seconds of a batch: `overhead` plus `slope` times its cost, and at least `least_seconds`."""

    overhead: float
    slope: float
    least_seconds: float = 0.0

    def seconds(self, cost: float, batches: int = 1) -> float:
        """Of a number of batches, which have this cost together."""
        return max(self.least_seconds, batches * self.overhead + self.slope * cost)


class BatchTimes:
    """Seconds of batches by their cost, a line fitted by exponentially weighted least squares.

    A cost is in estimated tokens. One thread adds batches, others may read estimates.
    """

    def __init__(self) -> None:
        self._sums = [0.0] * 5  # of 1, cost, seconds, cost squared, and cost times seconds
        self._line: _Line | None = None
        self._slowness = 1.0  # of the last batches, relative to their estimates

    def add(self, cost: float, seconds: float) -> None:
        """Count a batch."""
        if self._line and (estimate := self._line.seconds(cost)) > 0:
            seconds = min(seconds, _MAX_SURPRISE * estimate)
            self._slowness = _RECENT_DECAY * self._slowness + (1 - _RECENT_DECAY) * seconds / estimate
        values = (1.0, cost, seconds, cost * cost, cost * seconds)
        self._sums = [_DECAY * total + value for total, value in zip(self._sums, values, strict=True)]
        self._line = _fit(*self._sums)

    def seconds(self, cost: float, batches: int = 1) -> float:
        """Estimated seconds of texts of this cost in a number of batches; 0 before the first batch."""
        return self._line.seconds(cost, batches) * max(1.0, self._slowness) if self._line else 0.0


def _fit(weight: float, costs: float, seconds: float, squares: float, products: float) -> _Line:
    mean_cost, mean_seconds, proportion = costs / weight, seconds / weight, seconds / max(costs, 1.0)
    variance = squares / weight - mean_cost**2
    if variance > _MIN_SPREAD * mean_cost**2:
        slope = (products / weight - mean_cost * mean_seconds) / variance
        overhead = mean_seconds - slope * mean_cost
        if slope > 0:
            return _Line(overhead, slope) if overhead > 0 else _Line(0.0, proportion)
    # Batches of one cost, or whose times do not depend on it: larger ones may be proportional, smaller ones no faster.
    return _Line(0.0, proportion, mean_seconds)
