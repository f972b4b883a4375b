"""The task that a peer receives, and the line of results that it prints.

This file runs in the environment of every peer, so it imports only the standard library, NumPy and PyArrow. As a
program it prints the versions of packages: `python -m benchmarks.peers.contract PACKAGE ...`.
"""

import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

SEQUENCE_LENGTH = 256  # of every peer with a transformer
EPOCHS = 3  # of every peer that fine-tunes one; textgraft's default except for few texts


@dataclass(frozen=True)
class Rows:
    """Labelled texts.

    Attributes:
        texts: strings.
        targets: int64 (n,), indices in `Task.labels`.
    """

    texts: list[str]
    targets: np.ndarray


class Stopwatch:
    """Measures the seconds inside its `with` blocks.

    Attributes:
        seconds: None before the first.
    """

    seconds: float | None = None

    def __enter__(self) -> None:
        self._start = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.seconds = (self.seconds or 0.0) + time.monotonic() - self._start


@dataclass(frozen=True)
class Task:
    """The data and settings that all peers of a job share.

    Attributes:
        labels: label names, sorted.
        train: training rows.
        validation: rows for selecting the epoch; None when a peer has to split them off itself.
        seed: seed of the sample and of the training.
        minilm: Hugging Face folder of all-MiniLM-L6-v2.
        module: SavedModel folder of a TF-Hub text embedding; None when the job does not use one.
        training: measures the library's training call on texts, without loading or building; unused by a peer that
            cannot separate the two.
    """

    labels: list[str]
    train: Rows
    validation: Rows | None
    seed: int
    minilm: str
    module: str | None
    training: Stopwatch = field(default_factory=Stopwatch)


Predict = Callable[[list[str]], Any]


def run(fit: Callable[[Task], Predict]) -> None:
    """Train and test the peer on the job file named on the command line; print a line of JSON.

    Args:
        fit: trains on the task; returns a function from texts to label indices.
    """
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    task, test = _read(job)
    start, cpu_start = time.monotonic(), _cpu_seconds()
    predict = fit(task)
    fitted, cpu_seconds = time.monotonic(), _cpu_seconds() - cpu_start
    predicted = np.asarray(predict(test.texts))
    figures = {
        "accuracy": round(float(np.mean(predicted == test.targets)), 4),
        "fit_seconds": round(fitted - start, 2),
        "training_seconds": task.training.seconds and round(task.training.seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "predict_seconds": round(time.monotonic() - fitted, 2),
        "peak_mib": _peak_mib(),
        "train_rows": len(task.train.texts),
        "test_rows": len(test.texts),
        "versions": versions(job["packages"]),
    }
    print(json.dumps(figures), flush=True)


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Version of Python and of each package.

    Raises:
        PackageNotFoundError: naming a package that is not installed.
    """
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _read(job: dict[str, Any]) -> tuple[Task, Rows]:
    ids = {name: index for index, name in enumerate(job["labels"])}

    def rows(path: str) -> Rows:
        table = pq.read_table(path)
        return Rows(table["text"].to_pylist(), np.array([ids[name] for name in table["label"].to_pylist()], np.int64))

    validation = rows(job["validation"]) if job["validation"] else None
    task = Task(job["labels"], rows(job["train"]), validation, job["seed"], job["minilm"], job["module"])
    return task, rows(job["test"])


def _cpu_seconds() -> float:
    """CPU seconds of this process and its finished children."""
    return sum(os.times()[:4])


def _peak_mib() -> int:
    """Peak memory of this process. On Linux, getrusage would include that of the parent process at the fork."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) >> 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20  # bytes on macOS


def main() -> None:
    """Print versions; exit with status 1 and the name of the first missing package."""
    try:
        print(json.dumps(versions(sys.argv[1:])))
    except PackageNotFoundError as error:
        sys.exit(str(error.name))


if __name__ == "__main__":
    main()
