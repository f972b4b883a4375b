"""Simulation of workers that fail, workers that are slow, and a command that is killed, with the code of shard folders.

    python -m benchmarks.shard_failures [--shards 10000] [--workers 100] [--seed 0]

Time is simulated; the scheduling of shards, their staging, the commits, the journal, resuming and the manifest are
those of `textgraft predict --engine ray`. A shard takes 60 seconds in the median (log-normal, sigma 0.2), on a slow
worker ten times as long. A worker that fails loses its shard and is replaced after a minute. When the command is
killed, it starts again after ten minutes, and all shards that were running are lost.
"""

import argparse
import heapq
import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.report import report
from textgraft.shards.cutting import Shard, cut_shards
from textgraft.shards.executors import Computed, LocalExecutor, ShardWriter, compute_shards, stage
from textgraft.shards.folder import open_shards
from textgraft.shards.scheduling import Attempt, Schedule

_SECONDS, _SIGMA = 60.0, 0.2
_SLOW_FACTOR = 10.0
_REPLACEMENT_SECONDS, _RESTART_SECONDS = 60.0, 600.0
_HOUR = 3600.0


@dataclass(frozen=True)
class Scenario:
    """What fails.

    Attributes:
        name: for the report.
        hours_to_failure: mean time until a worker fails; 0 for never.
        slow_workers: share of slow workers.
        kills: number of times that the command is killed, at random times.
    """

    name: str
    hours_to_failure: float = 0.0
    slow_workers: float = 0.0
    kills: int = 0


_SCENARIOS = (
    Scenario("no failures"),
    Scenario("workers fail, every 24 hours each", hours_to_failure=24.0),
    Scenario("workers fail, every hour each", hours_to_failure=1.0),
    Scenario("5 % slow workers", slow_workers=0.05),
    Scenario("every hour, 5 % slow, command killed 5 times", hours_to_failure=1.0, slow_workers=0.05, kills=5),
)


class KilledError(Exception):
    """The command is killed."""


@dataclass(frozen=True)
class NumberWriter:
    """Writes the texts of a shard as they are."""

    def describe(self) -> dict[str, Any]:
        """No facts."""
        return {"precision": "float32"}

    def write(self, windows: Iterable[pa.RecordBatch], path: Path) -> dict[str, Any]:
        """Write a line for each text."""
        texts = [text for window in windows for text in window.column("text").to_pylist()]
        path.write_text("".join(f"{text}\n" for text in texts))
        return {"rows": len(texts)}


class SimulatedExecutor(LocalExecutor):
    """Workers of a simulated cluster, in the order of their simulated times.

    Attributes:
        seconds: the simulated time.
        busy: simulated seconds of all workers, also of attempts that were lost or not needed.
        lost: number of attempts whose worker failed.
    """

    def __init__(self, scenario: Scenario, workers: int, draw: random.Random) -> None:
        self.seconds, self.busy, self.lost = 0.0, 0.0, 0
        self._scenario, self._workers, self._draw = scenario, workers, draw
        self._slow = [worker < scenario.slow_workers * workers for worker in range(workers)]
        self.killed_at = float("inf")

    def run(
        self, writer: ShardWriter, shards: Iterable[Shard], staging_path: Callable[[int], Path]
    ) -> Iterator[Computed]:
        """Compute shards; a worker takes the oldest shard that waits."""
        schedule = Schedule(((shard.span, shard) for shard in shards), self._count_lost, lambda: self.seconds)
        events: list[tuple[float, int, int, bool, Attempt[Shard] | None]] = []
        order, idle, queue = itertools.count(), list(range(self._workers)), list[Attempt[Shard]]()
        while not schedule.is_complete:
            while attempt := schedule.next(self._workers):
                queue.append(attempt)
            while queue and idle:
                worker, attempt = idle.pop(), queue.pop(0)
                duration, fails = self._duration(worker)
                heapq.heappush(events, (self.seconds + duration, next(order), worker, fails, attempt))
                self.busy += duration
            if not events:
                continue
            end, _, worker, fails, ended = heapq.heappop(events)
            if end > self.killed_at:
                self.seconds = self.killed_at + _RESTART_SECONDS
                raise KilledError
            self.seconds = end
            if fails and ended is not None:
                schedule.lose(ended, "failed")
                heapq.heappush(events, (end + _REPLACEMENT_SECONDS, next(order), worker, False, None))
                continue
            idle.append(worker)
            if ended is not None and schedule.end(ended):
                yield Computed(ended.span, stage(writer, ended.content, staging_path(ended.span.index)))

    def _duration(self, worker: int) -> tuple[float, bool]:
        """Seconds of an attempt, and whether the worker fails then."""
        seconds = _SECONDS * self._draw.lognormvariate(0, _SIGMA) * (_SLOW_FACTOR if self._slow[worker] else 1)
        if not self._scenario.hours_to_failure:
            return seconds, False
        failure = self._draw.expovariate(1 / (self._scenario.hours_to_failure * _HOUR))
        return min(seconds, failure), failure < seconds

    def _count_lost(self, message: str) -> None:
        self.lost += 1


def main() -> None:
    """Run each scenario in a folder of its own."""
    options = _arguments()
    for scenario in _SCENARIOS:
        with tempfile.TemporaryDirectory() as name:
            _simulate(scenario, Path(name) / "out", options)


def _simulate(scenario: Scenario, out: Path, options: argparse.Namespace) -> None:
    draw = random.Random(options.seed)
    executor, writer = SimulatedExecutor(scenario, options.workers, draw), NumberWriter()
    ideal = _SECONDS * options.shards / options.workers
    kills = sorted(draw.uniform(0, ideal) for _ in range(scenario.kills))
    start, resumed = time.monotonic(), []
    while True:
        executor.killed_at = max(kills.pop(0), executor.seconds + _SECONDS) if kills else float("inf")
        opened = time.monotonic()
        with open_shards(out, {}, ".txt", False) as folder:
            folder.start(writer.describe())
            resumed.append(time.monotonic() - opened)
            try:
                for _ in compute_shards(folder, cut_shards(_windows(options.shards), 1), writer, executor):
                    pass
                break
            except KilledError:
                continue
    seconds = time.monotonic() - start
    content = "".join(part.read_text() for part in sorted(out.glob("part-*")))
    report(
        "shard_failures",
        scenario=scenario.name,
        shards=options.shards,
        workers=options.workers,
        exact=content == "".join(f"text {row}\n" for row in range(options.shards)),
        hours=round(executor.seconds / _HOUR, 2),
        ideal_hours=round(ideal / _HOUR, 2),
        busy_hours=round(executor.busy / _HOUR, 1),
        lost=executor.lost,
        starts=len(resumed),
        last_resume_seconds=round(resumed[-1], 2),
        milliseconds_per_shard=round(1000 * seconds / options.shards, 2),
        manifest_bytes=(out / "shards.json").stat().st_size,
    )


def _windows(shards: int) -> Iterator[pa.RecordBatch]:
    for row in range(shards):
        yield pa.record_batch([pa.array([f"text {row}"])], ["text"])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
