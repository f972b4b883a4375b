"""Trials as tasks in the processes of a Ray cluster; the study is read and written by the command alone."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from textgraft.errors import ConfigError, DataError, recorded_warnings
from textgraft.runtime import start_tensorflow
from textgraft.shards.ray_cluster import RayCluster, prepare_worker
from textgraft.storage import folders
from textgraft.storage.verification import MANIFEST
from textgraft.tuning.leaderboard import TrialRow
from textgraft.tuning.setup import SelectionMetric, TaskSource, TuningTask
from textgraft.tuning.trials import Comparison, Trainer, TrialResult

if TYPE_CHECKING:
    from textgraft.tasks.trainable import TrainableTask

# The content of files by name, uint8 (bytes,), which Ray shares between processes without a copy.
_Files = Mapping[str, np.ndarray]

# In a worker, which serves one command: its task with the data, by their digest.
_loaded: dict[str, TuningTask] = {}


@dataclass(frozen=True)
class WorkerJob:
    """What a worker needs to train the candidates of a search.

    Attributes:
        source: where the data are.
        data_digest: SHA-256 of the task, its settings and its data.
        metric: by which trials are compared.
        run_log: kind of log of each training.
        logs: folder of the logs, absolute.
        command: of the search.
        threads: number of processor threads of a worker.
        folder: from which relative paths start, on machines that have it.
    """

    source: TaskSource
    data_digest: str
    metric: SelectionMetric
    run_log: str | None
    logs: Path
    command: str
    threads: int
    folder: str

    @classmethod
    def of(cls, trainer: Trainer, source: TaskSource, threads: int) -> Self:
        """The job of a search that a trainer trains the candidates of, from a source that its data were read from."""
        digest, logs = _digest(trainer.task), trainer.logs.absolute()
        return cls(source, digest, trainer.metric, trainer.run_log, logs, trainer.command, threads, str(Path.cwd()))


class RayTrials:
    """Runs each trial as a task of a Ray cluster; see `TrialExecutor`.

    While a trial runs, it asks this process how it compares with the others, through an actor of Ray. Only a model that
    is the best so far is sent here.
    """

    has_workers = True

    def __init__(self, cluster: RayCluster, job: WorkerJob, comparison: Comparison, workers: int | None) -> None:
        """Prepare trials in a connected cluster, on at most this number of workers.

        Raises:
            ConfigError: when the cluster has processors for fewer workers.
        """
        if workers and workers > cluster.workers:
            raise ConfigError(f"workers {workers} is above the {cluster.workers} that the cluster has processors for")
        self._cluster, self._comparison, self._workers = cluster, comparison, workers
        ray = cluster.ray
        self._task, self._job = ray.remote(num_cpus=cluster.threads, max_retries=0)(_train), ray.put(job)
        self._questions = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(_Questions).remote()
        self._next_question = self._questions.next.remote()
        self._running = dict[Any, TrialRow]()
        self._warnings = set[str]()

    @property
    def capacity(self) -> int:
        return min(self._cluster.workers, self._workers or self._cluster.workers)

    def start(self, row: TrialRow, seconds: float) -> None:
        self._running[self._task.remote(self._job, row, seconds, self._questions)] = row

    def wait(self) -> list[TrialResult]:
        results = []
        for reference in self._cluster.wait([self._next_question, *self._running]):
            if reference == self._next_question:
                self._answer()
            else:
                results.append(self._result(reference))
        return results

    def poll(self) -> None:
        self._cluster.on_poll()

    def _answer(self) -> None:
        """Answer the next question, unless the worker that asked has ended."""
        number, question = self._cluster.result(self._next_question)
        if any(row.number == number for row in self._running.values()):
            if isinstance(question, TrialRow):
                answer = self._comparison.is_best(question)
            else:
                answer = self._comparison.is_below_median(number, *question)
            self._questions.answer.remote(number, answer)
        self._next_question = self._questions.next.remote()

    def _result(self, reference: Any) -> TrialResult:
        row = self._running.pop(reference)
        try:
            trained = self._cluster.result(reference)
        except self._cluster.ray.exceptions.RayError as error:
            return TrialResult(row, loss_reason=type(error).__name__)
        for message in trained.warnings:
            if message not in self._warnings:
                self._warnings.add(message)
                self._cluster.on_message(message)
        return TrialResult(trained.row, trained.files and partial(_write_model, trained.files))


class _Questions:
    """An actor that carries questions of workers to the command, and its answers back."""

    def __init__(self) -> None:
        self._queue = asyncio.Queue[tuple[int, Any]]()
        self._answers: dict[int, asyncio.Future[bool]] = {}

    async def ask(self, number: int, question: Any) -> bool:
        """The answer to a question about a trial."""
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._queue.put((number, question))
        return await answer

    async def next(self) -> tuple[int, Any]:
        """The next question, and the number of its trial."""
        return await self._queue.get()

    async def answer(self, number: int, answer: bool) -> None:
        """Answer the question about a trial."""
        if number in self._answers:
            self._answers.pop(number).set_result(answer)


class _RemoteComparison:
    """The `Comparison` of the command, in a worker."""

    def __init__(self, questions: Any) -> None:
        self._questions = questions

    def is_below_median(self, number: int, quarter: int, score: float) -> bool:
        return self._ask(number, (quarter, score))

    def is_best(self, row: TrialRow) -> bool:
        return self._ask(row.number, row)

    def _ask(self, number: int, question: Any) -> bool:
        import ray

        return bool(ray.get(self._questions.ask.remote(number, question)))


class _Trained(NamedTuple):
    """A trial that ended in a worker: its row, the files of its model if it is the best, and warnings."""

    row: TrialRow
    files: _Files | None
    warnings: tuple[str, ...]


def _train(job: WorkerJob, row: TrialRow, seconds: float, questions: Any) -> _Trained:
    """Train a candidate in a worker."""
    prepare_worker(job.threads)
    with suppress(OSError):
        os.chdir(job.folder)
    with recorded_warnings() as messages:
        start_tensorflow(deterministic=True)
        trainer = Trainer(_load(job), job.metric, job.run_log, job.logs, job.command)
        comparison = _RemoteComparison(questions)
        row, model = trainer.train(row, seconds, comparison)
        files = _files_of(model) if model and comparison.is_best(row) else None
    return _Trained(row, files, tuple(messages))


def _load(job: WorkerJob) -> TuningTask:
    """The task, whose data a worker reads once.

    Raises:
        DataError: when they cannot be read, or are not those of the command.
    """
    if job.data_digest not in _loaded:
        task = job.source.load()
        if _digest(task) != job.data_digest:
            raise DataError(f"{job.source.data}: a worker reads other data than the command; run the command again")
        _loaded[job.data_digest] = task
    return _loaded[job.data_digest]


def _digest(task: TuningTask) -> str:
    return sha256(json.dumps(task.identity(), sort_keys=True).encode()).hexdigest()


def _files_of(model: TrainableTask) -> _Files:
    with TemporaryDirectory(prefix="textgraft-") as parent:
        folder = model.save(Path(parent) / "model")
        return {file.name: np.fromfile(file, np.uint8) for file in folder.iterdir()}


def _write_model(files: _Files, folder: Path) -> None:
    contents = {name: [content.data] for name, content in files.items() if name != MANIFEST}
    folders.write_folder(folder, contents, overwrite=True)
