"""Positions of the names beside the figure, without overlaps."""

import itertools
from collections.abc import Sequence


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Move heights apart, upwards from the lowest and then down from 1, until no two are nearer than `gap`.

    Args:
        heights: between 0 and 1, in any order.
        gap: minimum distance.
    """
    order = sorted(range(len(heights)), key=heights.__getitem__)
    moved = list(heights)
    for below, above in itertools.pairwise(order):
        moved[above] = max(moved[above], moved[below] + gap)
    ceiling = 1.0
    for index in reversed(order):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return moved
