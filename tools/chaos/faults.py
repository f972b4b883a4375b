"""Full disks, and several processes that write one folder."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tools.chaos.job import OUTPUTS, WRONG, Job
from tools.chaos.processes import ROOT, TEXTGRAFT, Command, Starter

# Files at which the disk is full, see tools/full_disk.py.
WRITES = (*map(str, (1, 2, 3, 4, 5, 8, 13, 21, 34, 55)), "model")

_BUSY, _CANNOT_WRITE = 7, 5
_MAX_REFUSAL_SECONDS = 2.0


class Faults:
    """A training command in a folder of its own, with an uninterrupted run of it to compare with."""

    def __init__(self, folder: Path, job: Job, starter: Starter) -> None:
        self._folder, self._job, self._starter = folder, job, starter
        self._expected = ""

    def fail_writes(self, writes: Sequence[str]) -> Counter[str]:
        """Fail a write in each of several runs: one error line each, complete checkpoints, and the same final model.

        Args:
            writes: the file of each run at which the disk is full, see `tools/full_disk.py`.
        """
        tally: Counter[str] = Counter()
        folder = self._new_folder("full-disk")
        for write in writes:
            command = self._start(folder, [sys.executable, str(ROOT / "tools" / "full_disk.py"), write])
            code, lines = command.wait(), command.messages.splitlines()
            errors = [line for line in lines if line.startswith("error:") and "bytes are needed" in line]
            tally["failed writes"] += 1
            if code != _CANNOT_WRITE or len(errors) != 1 or (folder / OUTPUTS / self._job.output).exists():
                tally[f"{WRONG}: failed write {write} ended with {code}: {lines[-1:]}"] += 1
            for damage in self._job.find_damage(folder / OUTPUTS):
                tally[f"{WRONG}: failed write {write}: {damage}"] += 1
        self._start(folder).wait()
        if self._fingerprint(folder) != self._expected_fingerprint():
            tally[f"{WRONG}: after failed writes it ended differently"] += 1
        return tally

    def compete(self, processes: int = 3) -> Counter[str]:
        """Let several processes write one folder: one does, the others exit at once."""
        tally: Counter[str] = Counter()
        folder = self._new_folder("contested")
        first = self._start(folder)
        while not [*(folder / OUTPUTS).glob(".*.lock")]:
            time.sleep(0.01)
        for _ in range(processes - 1):
            start_time = time.monotonic()
            other = self._start(folder, fork=True)
            code, seconds = other.wait(), time.monotonic() - start_time
            tally["refused processes"] += 1
            if code != _BUSY or "in use by process" not in other.messages or seconds > _MAX_REFUSAL_SECONDS:
                tally[f"{WRONG}: refused with {code} in {seconds:.1f} s: {other.messages}"] += 1
        first.wait()
        if self._fingerprint(folder) != self._expected_fingerprint():
            tally[f"{WRONG}: the one that trained ended differently"] += 1
        return tally

    def _expected_fingerprint(self) -> str:
        if not self._expected:
            folder = self._new_folder("uninterrupted")
            self._start(folder).wait()
            self._expected = self._fingerprint(folder)
        return self._expected

    def _fingerprint(self, folder: Path) -> str:
        return self._job.fingerprint(folder / OUTPUTS, "")

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / name
        (folder / OUTPUTS).mkdir(parents=True)
        return folder

    def _start(self, folder: Path, program: Sequence[str] = TEXTGRAFT, fork: bool = False) -> Command:
        return self._starter.start(self._job.arguments, folder, self._job.environment, fork, program)
