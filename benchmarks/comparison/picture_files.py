"""Files of the figures: one per machine."""

import re
from collections import defaultdict
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
    """The runs that a figure shows: of jobs that at least two peers have run on the machine."""
    peers: dict[tuple[str, str], set[str]] = defaultdict(set)
    runs = [record for record in figures.finished(records) if record["job"] != _WITHOUT_TRAINING]
    for run in runs:
        peers[run["machine"], run["job"]].add(run["peer"])
    return [run for run in runs if len(peers[run["machine"], run["job"]]) > 1]
