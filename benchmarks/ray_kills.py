"""`textgraft predict --engine ray` on 100,000 short texts, with workers and the command killed at random.

    python -m benchmarks.ray_kills [--runs 10] [--rows 100000] [--seed 0]

In each run, between two and five times, a worker or the command itself is killed (SIGKILL) after a random time; the
command is repeated until it succeeds. The files are compared with those of `predict` without Ray.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.report import report
from benchmarks.short_texts import save_static_model, write_texts

_SHARD_ROWS = 2048
_POLL_SECONDS, _MAX_SECONDS = 0.1, 6.0
_TOO_SLOW = b"cannot start Ray"  # on a machine with other loads, for half a minute
_PROCESSES = Path("/proc")


def main() -> None:
    """Predict without Ray, then run by run."""
    options = _arguments()
    draw = random.Random(options.seed)
    equal, kills, seconds = 0, Counter[str](), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, texts = save_static_model(folder / "model"), write_texts(folder / "texts.csv", options.rows)
        command = [sys.executable, "-m", "textgraft", "predict", str(model), str(texts), "--probabilities", "all"]
        subprocess.run([*command, "--out", str(folder / "local.jsonl")], check=True, capture_output=True)
        expected = (folder / "local.jsonl").read_bytes()
        for run in range(options.runs):
            out = folder / "out"
            shards = ["--out", str(out), "--shard-format", "jsonl", "--shard-rows", str(_SHARD_ROWS)]
            start = time.monotonic()
            killed = _run_with_kills([*command, *shards, "--engine", "ray"], draw)
            seconds.append(round(time.monotonic() - start, 1))
            is_equal = b"".join(part.read_bytes() for part in sorted(out.glob("part-*"))) == expected
            report("ray_kills", run=run, equal=is_equal, killed=dict(killed), seconds=seconds[-1])
            equal, kills = equal + is_equal, kills + killed
            shutil.rmtree(out)
    report("ray_kills", runs=options.runs, rows=options.rows, equal=equal, killed=dict(kills), seconds=seconds)


def _run_with_kills(command: Sequence[str], draw: random.Random) -> Counter[str]:
    """Repeat a command until it succeeds; returns how often workers and the command were killed."""
    killed, remaining = Counter[str](), draw.randint(2, 5)
    while True:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        while remaining and (target := _wait_for_target(process, draw)):
            with suppress(ProcessLookupError):
                os.kill(target, signal.SIGKILL)
                killed["command" if target == process.pid else "worker"] += 1
                remaining -= 1
        _, messages = process.communicate()
        if process.returncode == 0:
            return killed
        if _TOO_SLOW in messages:
            killed["by Ray's time limit"] += 1
        elif process.returncode != -signal.SIGKILL:
            raise RuntimeError(messages.decode())


def _wait_for_target(process: "subprocess.Popen[bytes]", draw: random.Random) -> int | None:
    """Wait, and choose the command or, twice as often, a worker when there is one; None when the command has ended."""
    is_worker = draw.random() < 2 / 3
    while is_worker and process.poll() is None and not _workers(process.pid):
        time.sleep(_POLL_SECONDS)
    with suppress(subprocess.TimeoutExpired):
        process.wait(draw.uniform(0, _MAX_SECONDS))
        return None
    workers = _workers(process.pid)
    return draw.choice(workers) if is_worker and workers else process.pid


def _workers(process: int) -> list[int]:
    """Ray's workers among the processes that a process has started, directly or not; without its agents."""
    parents, titles = {}, {}
    for path in _PROCESSES.iterdir():
        with suppress(OSError, ValueError):
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            titles[int(path.name)] = (path / "cmdline").read_bytes()

    def is_descendant(other: int) -> bool:
        while other in parents:
            other = parents[other]
            if other == process:
                return True
        return False

    names = (other for other, title in titles.items() if title.startswith(b"ray::") and b"Agent" not in title)
    return list(filter(is_descendant, names))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
