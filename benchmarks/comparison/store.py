"""The results: a line of JSON for each run, in a file that only grows."""

import json
import os
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PATH = Path(__file__).parents[1] / "results" / "compare.jsonl"

Record = dict[str, Any]
_RUN = ("machine", "job", "peer", "seed")


def read(path: Path = PATH) -> list[Record]:
    """All records, oldest first; none where there is no file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def append(record: Record, path: Path = PATH) -> None:
    """Add a record."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def is_stored(records: Iterable[Record], wanted: Record, hours: float) -> bool:
    """Whether a run need not be made: the same peer, in the same versions, did the same job on the same machine.

    Args:
        records: what is stored.
        wanted: machine, job, peer, seed and versions of the run.
        hours: how long it may take; a stored run that was stopped counts when it had as long.
    """
    return any(
        all(record[name] == wanted[name] for name in (*_RUN, "versions"))
        and record.get("stopped_hours", hours) >= hours
        for record in records
    )


def latest(records: Iterable[Record]) -> list[Record]:
    """The last record of each machine, job, peer and seed, whatever the versions."""
    return list({tuple(record[name] for name in _RUN): record for record in records}.values())


def machine() -> str:
    """This machine, as results name it: processor, cores and memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
    found: Mapping[str, str] = {name.strip(): value.strip() for name, _, value in lines}
    bfloat16 = " with AVX-512 BF16" if "avx512_bf16" in found.get("flags", "").split() else ""
    return f"{found.get('model name', platform.machine())}{bfloat16}"
