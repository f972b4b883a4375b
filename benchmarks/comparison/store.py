"""Results: a file of JSON lines, one per run, to which runs are appended."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "results" / "compare.jsonl"

Record = dict[str, Any]
_RUN = ("machine", "job", "peer", "seed")


def read(path: Path = PATH) -> list[Record]:
    """All records, oldest first; none when the file is missing."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def append(record: Record, path: Path = PATH) -> None:
    """Append a record."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def is_stored(records: Iterable[Record], run: Record, hours: float) -> bool:
    """Whether the same peer, in the same versions, has run the same job on the same machine.

    Args:
        records: stored records.
        run: machine, job, peer, seed and versions of the run.
        hours: time limit; a stored run that was stopped counts when its limit was at least as long.
    """
    return any(
        all(record[name] == run[name] for name in (*_RUN, "versions")) and record.get("stopped_hours", hours) >= hours
        for record in records
    )


def latest(records: Iterable[Record]) -> list[Record]:
    """The last record of each machine, job, peer and seed, whatever the versions."""
    return list({tuple(record[name] for name in _RUN): record for record in records}.values())
