"""Computation of shards by Ray: tasks in the processes of a cluster, of this machine or of many."""

import logging
import os
import shutil
import signal
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from textgraft.errors import ConfigError, TextgraftError, error_summary
from textgraft.runtime import set_threads
from textgraft.shards.cutting import RowSpan, Shard
from textgraft.shards.executors import Computed, ShardWriter, stage_elsewhere

# Of a shard whose worker ended; more means that its rows end it.
_MAX_ATTEMPTS = 10
# Shards that wait for a worker, for each that is being computed.
_QUEUED = 1
_POLL_SECONDS = 1.0
_HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_OBJECT_STORE_BYTES = 1 << 30


@dataclass
class _Attempt:
    span: RowSpan
    shard: Any  # reference to the shard in the cluster
    number: int = 1


class RayExecutor:
    """Computes shards in the workers of a Ray cluster; a context manager.

    Ray's usage statistics and its dashboard are off, and what workers print is not shown.
    """

    def __init__(self, address: str | None, threads: int, on_message: Callable[[str], None]) -> None:
        """Nothing is started yet.

        Args:
            address: of a running cluster; None to start one on this machine, which ends with the context.
            threads: number of processor threads, and of Ray's CPUs, of a worker.
            on_message: takes lines about workers that end.
        """
        self._address, self._threads, self._on_message = address, threads, on_message
        self._session: str | None = None
        self._ray: Any = None

    def __enter__(self) -> Self:
        """Connect to the cluster, or start it; a ConfigError when that fails, or no machine has the threads."""
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
        import ray

        self._ray = ray
        options: dict[str, Any] = {"address": self._address}
        if self._address is None:
            self._session = tempfile.mkdtemp(prefix="textgraft-ray-")
            options = {
                "address": "local",
                "num_cpus": _cores(),
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
                "_temp_dir": self._session,
            }
        handlers = {number: signal.getsignal(number) for number in _HANDLED_SIGNALS}
        try:
            ray.init(logging_level=logging.CRITICAL, log_to_driver=False, configure_logging=True, **options)
        except Exception as error:
            self.__exit__()
            name = f"the Ray cluster at {self._address}" if self._address else "a Ray cluster on this machine"
            raise ConfigError(
                f"cannot use {name}: {error_summary(error):.200}; check the address and Ray's version"
            ) from error
        finally:
            for number, handler in handlers.items():
                with suppress(ValueError):  # in a thread other than the main one
                    signal.signal(number, handler)
        try:
            self.require_threads(self._threads)
        except ConfigError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Disconnect, and end a cluster that was started here."""
        self._ray.shutdown()
        if self._session:
            shutil.rmtree(self._session, ignore_errors=True)

    def require_threads(self, threads: int) -> None:
        """Raise a ConfigError unless a machine of the cluster has as many CPUs."""
        largest = max((self._cpus(node) for node in self._ray.nodes()), default=0)
        if threads > largest:
            raise ConfigError(f"threads {threads} is above the {largest} CPUs of the largest machine; lower it")

    @property
    def workers(self) -> int:
        """The number of shards that can be computed at the same time now."""
        return max(1, sum(self._cpus(node) // self._threads for node in self._ray.nodes()))

    def describe(self, writer: ShardWriter) -> dict[str, Any]:
        """The result of `ShardWriter.describe` in a worker; the other workers load the model too."""
        task = self._ray.remote(num_cpus=self._threads, max_retries=_MAX_ATTEMPTS)(_describe)
        references = [task.remote(writer, self._threads) for _ in range(self.workers)]
        ready, _ = self._ray.wait(references, num_returns=1)
        return self._result(ready[0])  # type: ignore[no-any-return]

    def run(
        self, writer: ShardWriter, shards: Iterable[Shard], staging_path: Callable[[int], Path]
    ) -> Iterator[Computed]:
        """Compute shards; one whose worker ends is computed again.

        Raises:
            TextgraftError: of a worker, or when workers end at each of the attempts at a shard.
        """
        task = self._ray.remote(num_cpus=self._threads, max_retries=0)(_compute)
        writer = self._ray.put(writer)
        waiting, running = iter(shards), dict[Any, _Attempt]()
        retried = deque[_Attempt]()
        while True:
            limit = (1 + _QUEUED) * self.workers
            while len(running) < limit and (attempt := self._next(retried, waiting)):
                running[task.remote(writer, attempt.shard, staging_path(attempt.span.index), self._threads)] = attempt
            if not running:
                return
            ready, _ = self._ray.wait([*running], num_returns=1, timeout=_POLL_SECONDS)
            for reference in ready:
                attempt = running.pop(reference)
                try:
                    computed = self._result(reference)
                except self._ray.exceptions.RayError as error:
                    retried.append(self._again(attempt, error))
                else:
                    yield computed

    def _next(self, retried: deque[_Attempt], waiting: Iterator[Shard]) -> _Attempt | None:
        if retried:
            return retried.popleft()
        shard = next(waiting, None)
        return None if shard is None else _Attempt(shard.span, self._ray.put(shard))

    def _again(self, attempt: _Attempt, error: Exception) -> _Attempt:
        lost = f"{attempt.span}: the worker ended ({type(error).__name__})"
        if attempt.number == _MAX_ATTEMPTS:
            raise TextgraftError(f"{lost} at each of {_MAX_ATTEMPTS} attempts; check these rows, and the memory")
        self._on_message(f"{lost}; computing them again")
        return _Attempt(attempt.span, attempt.shard, attempt.number + 1)

    def _result(self, reference: Any) -> Any:
        """The result of a task; its own error is raised as it was in the worker."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error

    def _cpus(self, node: dict[str, Any]) -> int:
        return int(node["Resources"].get("CPU", 0)) if node["Alive"] else 0


def _describe(writer: ShardWriter, threads: int) -> dict[str, Any]:
    _prepare_worker(threads)
    return writer.describe()


def _compute(writer: ShardWriter, shard: Shard, path: Path, threads: int) -> Computed:
    _prepare_worker(threads)
    return stage_elsewhere(writer, shard, path)


def _prepare_worker(threads: int) -> None:
    """Set the threads of a worker in which TensorFlow is not started yet; all tasks of a job have the same."""
    with suppress(ConfigError):
        set_threads(threads)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
