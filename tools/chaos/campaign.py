"""Rounds of kills of one job."""

import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.chaos.job import OUTPUTS, WRONG, Job, names_in
from tools.chaos.processes import Command, Starter

_POLL_SECONDS = 0.004

# Share of the processes that are started anew, where a job may be forked: as users start it, but slower.
_NEW_PROCESSES = 0.15

# Weights of the moments of kills; a kill before anything is written tests little.
_MOMENTS = {"before anything is written": 5, "at any time": 40, "during a write": 40, "at the end": 15}

_GRACE = "SIGTERM, then SIGKILL"

# Weights of the signals. A system that stops a service sends SIGTERM, and SIGKILL if that takes too long.
_SIGNALS = {"SIGKILL": 60, "SIGKILL to the group": 10, "SIGTERM": 12, "SIGINT": 12, _GRACE: 6}
_SOFT = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT, _GRACE: signal.SIGTERM}

# Long enough for a machine with other work.
_MAX_SECONDS_TO_STOP = 120.0

# Upper limits of the pause between a sign of a write, or of the end, and the kill, and between SIGTERM and SIGKILL.
_WRITE_SECONDS, _END_SECONDS, _GRACE_SECONDS = 0.04, 0.01, 0.5


class Campaign:
    """Kills a job, until it has been killed often enough, and counts what came of it."""

    def __init__(self, folder: Path, job: Job, starter: Starter, seed: int) -> None:
        """Use a new folder of a folder that contains the inputs."""
        self._job, self._starter, self._random = job, starter, random.Random(seed)
        self._folder, self._inputs = folder / job.name.replace(" ", "-"), folder / "inputs"
        self._outputs = self._folder / OUTPUTS
        self._tally: Counter[str] = Counter()
        self._folder.mkdir()

    def run(self, kills: int) -> Counter[str]:
        """The outcomes; those that must not occur begin with WRONG, and are printed at once."""
        try:
            with self._job.service(self._inputs):
                self._run_uninterrupted()
                while self._tally["kills"] < kills:
                    self._run_round()
        except Exception as error:  # of a command that cannot be tested, or of its result; the others go on
            self._wrong(f"{type(error).__name__}: {error}")
        print(f"{self._job.name}: {self._tally['kills']} kills, {self._tally['rounds']} rounds", file=sys.stderr)
        return self._tally

    def _run_round(self) -> None:
        self._clear()
        planned, killed = self._random.randint(2, self._job.max_kills), 0
        while killed < planned and self._kill_once():
            killed += 1
        self._finish(killed)

    def _run_uninterrupted(self) -> None:
        """Note the result, the names of the outputs, and when what happened."""
        self._clear()
        self._older = self._fingerprint() if self._job.overwrites else None
        before, start_time, first_write, temporary = names_in(self._outputs), time.monotonic(), None, set[str]()
        command = self._start()
        while command.poll() is None:
            names = names_in(self._outputs)
            if first_write is None and names != before:
                first_write = time.monotonic() - start_time
            temporary |= {name for name in names - before if self._job.is_temporary(name)}
            time.sleep(_POLL_SECONDS)
        if command.wait():
            raise RuntimeError(f"{self._job.name}: {command.messages}")
        self._seconds = time.monotonic() - start_time
        self._first_write = self._seconds if first_write is None else first_write
        self._writes = len(temporary)
        self._expected, self._names = self._fingerprint(command.printed), names_in(self._outputs)

    def _kill_once(self) -> bool:
        """Start, kill and check; False when the command ended first."""
        before, promised_line = names_in(self._outputs), self._job.promised_line(self._outputs)
        command = self._start()
        self._wait_for_moment(command, before)
        if command.poll() is not None:
            self._check_end(command, promised_line)
            return False
        kind = self._choose(_SIGNALS)
        self._send(command, kind)
        code = command.wait(_MAX_SECONDS_TO_STOP)
        if code == 0 or self._is_repetition(command):  # it ended before the signal
            return False
        names = names_in(self._outputs)
        self._tally["kills"] += 1
        self._tally[f"kills of {self._job.arguments[0]}"] += 1
        self._tally["kills during a write"] += any(map(self._job.is_temporary, names))
        self._check_state(kind)
        if code != -signal.SIGKILL and kind in _SOFT:
            self._check_stop(command, _SOFT[kind], names)
        return True

    def _wait_for_moment(self, command: Command, before: set[str]) -> None:
        moment = self._choose(_MOMENTS) if self._job.output else "before anything is written"
        # Of the writes, rather the first ones: a run that has resumed has fewer left.
        writes = int(self._random.random() ** 2 * self._writes)
        if moment == "before anything is written":
            self._sleep(self._random.random() * self._first_write, command)
        elif moment == "at any time":
            self._wait_until(lambda: names_in(self._outputs) != before, command)
            self._wait_for_writes(writes, command, before)
            self._sleep(self._random.random() * (self._seconds - self._first_write) / (self._writes + 1), command)
        elif moment == "during a write":
            self._wait_for_writes(writes + 1, command, before)
            self._sleep(self._random.random() ** 2 * _WRITE_SECONDS, command)
        else:
            inode = self._inode()
            self._wait_until(lambda: self._inode() not in (None, inode), command)
            self._sleep(self._random.random() ** 2 * _END_SECONDS, command)

    def _wait_for_writes(self, count: int, command: Command, before: set[str]) -> None:
        seen = set[str]()

        def is_reached() -> bool:
            seen.update(name for name in names_in(self._outputs) - before if self._job.is_temporary(name))
            return len(seen) >= count

        self._wait_until(is_reached, command)

    def _send(self, command: Command, kind: str) -> None:
        if kind in _SOFT:
            command.kill(_SOFT[kind])
        if kind == _GRACE:
            self._sleep(self._random.random() * _GRACE_SECONDS, command)
        if kind == _GRACE or kind not in _SOFT:
            command.kill(signal.SIGKILL, group=kind.endswith("group"))

    def _check_state(self, kind: str) -> None:
        """The result is absent, the older or the new one, and whole."""
        for damage in self._job.find_damage(self._outputs):
            self._wrong(damage)
        if not self._job.output:
            return
        if not (self._outputs / self._job.output).exists():
            if self._job.overwrites:
                self._wrong(f"after {kind}, the older result is gone")
        elif self._job.is_atomic:
            try:
                fingerprint = self._fingerprint()
            except Exception as error:
                self._wrong(f"after {kind}, the result is corrupt: {error}")
            else:
                if fingerprint not in (self._older, self._expected):
                    self._wrong(f"after {kind}, the result is neither the older nor the new one")

    def _check_stop(self, command: Command, number: signal.Signals, names: set[str]) -> None:
        """One line, the exit code of the signal, and no partial file where the line says so."""
        code, output = command.wait(), command.messages
        last = output.splitlines()[-1:] or [""]
        self._tally["stops by SIGINT or SIGTERM"] += 1
        if -code == number and not output.count("stopped by"):  # before the command had begun
            return
        if code != 128 + number or "Traceback" in output:
            self._wrong(f"{number.name} ended it with {code}: {output[-400:]}")
        partial = sorted(filter(self._job.is_temporary, names))
        if "no partial files remain" in last[0] and partial:
            self._wrong(f"{number.name} left {partial[:3]} and said: {last[0]}")

    def _finish(self, killed: int) -> None:
        promised_line = self._job.promised_line(self._outputs)
        command = self._start()
        ended_identically = self._check_end(command, promised_line)
        self._tally["rounds"] += 1
        self._tally["kills in rounds that ended identically"] += killed if ended_identically else 0

    def _check_end(self, command: Command, promised_line: str | None) -> bool:
        """Whether a run after kills ended as an uninterrupted one, said what it should say, and left nothing else."""
        code, output = command.wait(), command.messages
        is_repetition = self._is_repetition(command)
        if code and not is_repetition:
            return self._wrong(f"ended with {code}: {output[-400:]}")
        if promised_line and not is_repetition:
            if promised_line not in output:
                return self._wrong(f"did not say {promised_line!r}: {output[-400:]}")
            self._tally["rounds that resumed or started over, and said so"] += 1
        if self._fingerprint(command.printed) != self._expected:
            return self._wrong("ended differently")
        names = names_in(self._outputs)
        if names != self._names:
            return self._wrong(f"left {sorted(names - self._names)[:5]}, lacks {sorted(self._names - names)[:5]}")
        return True

    def _is_repetition(self, command: Command) -> bool:
        """Whether a run was refused because an earlier one was killed after its result was complete."""
        return command.wait() != 0 and "exists" in command.messages and not self._job.overwrites

    def _wrong(self, what: str) -> bool:
        outcome = f"{WRONG}: {self._job.name}: {what}"
        print(outcome, file=sys.stderr)
        self._tally[outcome] += 1
        return False

    def _clear(self) -> None:
        shutil.rmtree(self._outputs, ignore_errors=True)
        self._outputs.mkdir()
        if self._job.overwrites:
            self._job.write_older(self._inputs, self._outputs)

    def _start(self) -> Command:
        fork = self._job.forks and self._random.random() >= _NEW_PROCESSES
        return self._starter.start(self._job.arguments, self._folder, self._job.environment, fork)

    def _fingerprint(self, printed: str = "") -> str:
        return self._job.fingerprint(self._outputs, printed)

    def _inode(self) -> int | None:
        try:
            return (self._outputs / self._job.last_output).stat().st_ino
        except OSError:
            return None

    def _choose(self, weights: Mapping[str, int]) -> str:
        return self._random.choices([*weights], [*weights.values()])[0]

    def _sleep(self, seconds: float, command: Command) -> None:
        end = time.monotonic() + seconds
        self._wait_until(lambda: time.monotonic() >= end, command)

    def _wait_until(self, condition: Callable[[], bool], command: Command) -> None:
        """Wait for a condition, or for the end of the command."""
        while not condition() and command.poll() is None:
            time.sleep(_POLL_SECONDS)
