"""A row whose label may be wrong."""

from typing import NamedTuple


class Doubt(NamedTuple):
    """A row, why its label may be wrong, and the log ratio of the label's probability to that of another one."""

    row: int
    reason: str
    ratio: float
