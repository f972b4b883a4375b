"""What a check finds: a line with a count, the rows to look at, and a remedy."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from textgraft.data.dataset import Dataset

# From the most severe one down: a leak stops a training, a warning is likely to lower a score, a note is to be known.
LEAK, WARNING, NOTE = SEVERITIES = ("leak", "warning", "note")
MAX_ROWS = 1000  # of a finding


class RowNote(NamedTuple):
    """A row to look at: its split and index there, its location in the source, and why, such as the row it repeats."""

    split: str
    row: int
    location: str
    reason: str = ""


@dataclass(frozen=True)
class Finding:
    """A fact about data that its user should know.

    Attributes:
        kind: what it is about, such as "exact duplicates".
        severity: one of `SEVERITIES`.
        count: number of rows, or of labels or words where it is about these.
        message: one line, without the remedy.
        remedy: what can be done about it; may be empty.
        rows: rows to look at, the most suspicious first, at most `MAX_ROWS`.
    """

    kind: str
    severity: str
    count: int
    message: str
    remedy: str = ""
    rows: tuple[RowNote, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON values."""
        fields = ("kind", "severity", "count", "message", "remedy")
        return {**{name: getattr(self, name) for name in fields}, "rows": [row._asdict() for row in self.rows]}


def rows_of(
    data: Dataset, split: str, indices: Iterable[int], reasons: Mapping[int, str] | None = None
) -> tuple[RowNote, ...]:
    """Rows to look at, with reasons by index; more than `MAX_ROWS` are cut."""
    first = [int(index) for _, index in zip(range(MAX_ROWS), indices, strict=False)]
    return tuple(RowNote(split, index, data.location(index), (reasons or {}).get(index, "")) for index in first)
