"""Files of the figures: one per machine."""

import re
from collections.abc import Iterable
from pathlib import Path

from benchmarks.comparison import figures
from benchmarks.comparison.roster import ROOT
from benchmarks.comparison.store import Record

_WITHOUT_TRAINING = "predict"  # a job that measures speed only


def path(machine: str) -> Path:
    """The file of a machine's figure in docs/, with the name of the machine."""
    return ROOT / "docs" / f"comparison-{re.sub('[^a-z0-9]+', '-', machine.lower()).strip('-')}.svg"


def shown(records: Iterable[Record]) -> list[Record]:
    """The runs that the figure shows."""
    return [record for record in figures.finished(records) if record["job"] != _WITHOUT_TRAINING]
