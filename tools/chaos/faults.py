"""Errors of the disk, and several processes that write one folder."""

import errno
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.chaos.job import OUTPUTS, WRONG, Job
from tools.chaos.processes import ROOT, TEXTGRAFT, Command, Starter

# Errors and calls, see tools/faults.py: in the trial before a run, in checkpoints, in the model, and after it.
FAULTS = (
    "EIO fsync:1", "EACCES mkdir:1", "EROFS create:1", "EINVAL rename:1",
    "ENOSPC write@checkpoint:2", "EDQUOT write@checkpoint:6+", "EIO fsync@checkpoint:9", "EROFS rename@checkpoint:2+",
    "ENOSPC write@.model.building:3", "EIO fsync@.model.building:4", "EIO rename@.model.building:2",
    "EINVAL fsync@outputs:8", "EIO unlink@checkpoint:2+", "EACCES rmdir:5",
)  # fmt: skip

_BUSY, _CANNOT_WRITE = 7, 5

# Far less than a run takes, also on a machine with other work.
_MAX_REFUSAL_SECONDS = 10.0


class Faults:
    """A training command in a folder of its own, with an uninterrupted run of it to compare with."""

    def __init__(self, folder: Path, job: Job, starter: Starter) -> None:
        self._folder, self._job, self._starter = folder, job, starter
        self._expected = ""

    def fail_calls(self, faults: Sequence[str]) -> Counter[str]:
        """Fail system calls in each of several runs: the same model or one error line, and complete checkpoints.

        Args:
            faults: of each run, see `tools/faults.py`.
        """
        tally: Counter[str] = Counter()
        folder = self._new_folder("faults")
        for fault in faults:
            reason = os.strerror(getattr(errno, fault.split()[0]))
            command = self._start(folder, [sys.executable, str(ROOT / "tools" / "faults.py"), *fault.split()])
            code, messages = command.wait(), command.messages
            tally["failed calls"] += 1
            outcomes = list(self._judge(code, messages, reason, folder / OUTPUTS / self._job.output))
            for outcome in (*outcomes, *self._job.find_damage(folder / OUTPUTS)):
                tally[f"{WRONG}: {fault}: {outcome}"] += 1
        self._start(folder).wait()
        if self._fingerprint(folder) != self._expected_fingerprint():
            tally[f"{WRONG}: after failed calls it ended differently"] += 1
        return tally

    def _judge(self, code: int, messages: str, reason: str, output: Path) -> Iterator[str]:
        """What is wrong with the end of a run; a result that it wrote is removed."""
        errors = [line for line in messages.splitlines() if line.startswith("error:")]
        if "Traceback" in messages or code not in (0, _CANNOT_WRITE) or output.exists() != (code == 0):
            yield f"ended with {code}: {messages[-300:]}"
        elif code and (len(errors) != 1 or reason not in errors[0]):
            yield f"does not say {reason}: {errors}"
        elif code == 0:
            if self._job.fingerprint(output.parent, "") != self._expected_fingerprint():
                yield "ended differently"
            shutil.rmtree(output)

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
