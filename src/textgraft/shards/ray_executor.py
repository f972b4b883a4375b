"""Computation of shards by Ray: tasks in the processes of a cluster, of this machine or of many."""

import logging
import os
import secrets
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from textgraft.errors import ConfigError, TextgraftError, error_summary
from textgraft.runtime import set_threads
from textgraft.shards.cutting import Shard
from textgraft.shards.executors import Computed, ShardWriter, stage_elsewhere
from textgraft.shards.scheduling import MAX_ATTEMPTS, Attempt, Schedule
from textgraft.storage.locks import locked
from textgraft.storage.objects import ObjectPath

_POLL_SECONDS = 1.0
_CONNECTION_SECONDS = 10.0
_HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_OBJECT_STORE_BYTES = 1 << 30
_SESSION = "textgraft-ray-"


class RayExecutor:
    """Computes shards in the workers of a Ray cluster; a context manager.

    Ray's usage statistics and its dashboard are off, and what workers print is not shown.
    """

    def __init__(
        self,
        address: str | None,
        threads: int,
        on_message: Callable[[str], None],
        on_poll: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is started yet.

        Args:
            address: of a running cluster; None to start one on this machine, which ends with the context.
            threads: number of processor threads, and of Ray's CPUs, of a worker.
            on_message: takes lines about workers that end.
            on_poll: called each second while this process waits; may raise. An exception of a handler of signals within
                Ray would end the process.
        """
        self._address, self._threads, self._on_message, self._on_poll = address, threads, on_message, on_poll
        self._stack = ExitStack()
        self._ray: Any = None

    def __enter__(self) -> Self:
        """Connect to the cluster, or start it.

        Raises:
            ConfigError: when there is none at the address, or no machine of it has the threads.
            TextgraftError: when it cannot be started.
        """
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
        import ray

        self._ray = ray
        options: dict[str, Any] = {"address": self._address}
        if self._address is not None:
            _require_reachable(self._address)
        else:
            options = {
                "address": "local",
                "num_cpus": _cores(),
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
                "_temp_dir": str(self._stack.enter_context(_session_folder())),
            }
        try:
            self._connect(options)
            self.require_threads(self._threads)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _connect(self, options: Mapping[str, Any]) -> None:
        """Start Ray without its log, and without its handlers of signals."""
        handlers = {number: signal.getsignal(number) for number in _HANDLED_SIGNALS}
        is_stopped = False
        try:
            self._ray.init(logging_level=logging.CRITICAL, log_to_driver=False, **options)
        except SystemExit:  # of Ray's own handler
            is_stopped = True
        except Exception as error:
            reason = f"{error_summary(error):.200}"
            if self._address is None:
                raise TextgraftError(f"cannot start Ray: {reason}; is the machine overloaded? run it again") from error
            advice = "check the address and Ray's version"
            raise ConfigError(f"cannot use the Ray cluster at {self._address}: {reason}; {advice}") from error
        finally:
            for number, handler in handlers.items():
                with suppress(ValueError):  # in a thread other than the main one
                    signal.signal(number, handler)
        if is_stopped:
            signal.raise_signal(signal.SIGTERM)
            self._on_poll()

    def __exit__(self, *error: object) -> None:
        """Disconnect, and end a cluster that was started here."""
        self._ray.shutdown()
        self._stack.close()

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
        task = self._ray.remote(num_cpus=self._threads, max_retries=MAX_ATTEMPTS)(_describe)
        references = [task.remote(writer, self._threads) for _ in range(self.workers)]
        while not (ready := self._wait(references)):
            pass
        return self._result(ready[0])  # type: ignore[no-any-return]

    def run(
        self, writer: ShardWriter, shards: Iterable[Shard], staging_path: Callable[[int], Path | ObjectPath]
    ) -> Iterator[Computed]:
        """Compute shards; one whose worker ends is computed again.

        Raises:
            TextgraftError: of a worker, or when workers end at each of the attempts at a shard.
        """
        task = self._ray.remote(num_cpus=self._threads, max_retries=0)(_compute)
        writer = self._ray.put(writer)
        schedule = Schedule(((shard.span, self._ray.put(shard)) for shard in shards), self._on_message)
        running = dict[Any, Attempt[Any]]()
        while not schedule.is_complete:
            while attempt := schedule.next(self.workers):
                path = staging_path(attempt.span.index)
                running[task.remote(writer, attempt.content, path, self._threads)] = attempt
            for reference in self._wait([*running]):
                attempt = running.pop(reference)
                try:
                    computed = self._result(reference)
                except self._ray.exceptions.RayError as error:
                    schedule.lose(attempt, type(error).__name__)
                else:
                    if schedule.end(attempt):
                        yield computed

    def _wait(self, references: Sequence[Any]) -> list[Any]:
        """The first of these tasks that ended, none after a second."""
        self._on_poll()
        ready, _ = self._ray.wait(references, num_returns=1, timeout=_POLL_SECONDS) if references else ([], [])
        return list(ready)

    def _result(self, reference: Any) -> Any:
        """The result of a task; its own error is raised as it was in the worker."""
        try:
            return self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error

    def _cpus(self, node: dict[str, Any]) -> int:
        return int(node["Resources"].get("CPU", 0)) if node["Alive"] else 0


def _require_reachable(address: str) -> None:
    """Raise a ConfigError unless something answers at HOST:PORT, for which Ray would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _CONNECTION_SECONDS):
            return
    except (OSError, ValueError) as error:
        raise ConfigError(f"no Ray cluster at {address}: {error_summary(error)}; pass HOST:PORT of one") from error


@contextmanager
def _session_folder() -> Iterator[Path]:
    """A temporary folder for the files of a cluster; those of clusters whose command was killed are removed."""
    temporary = Path(tempfile.gettempdir())
    for leftover in temporary.glob(f"{_SESSION}*"):
        with suppress(OSError, TextgraftError):
            status = leftover.lstat()
            if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
                with locked(leftover):
                    shutil.rmtree(leftover, ignore_errors=True)
    folder = temporary / f"{_SESSION}{secrets.token_hex(4)}"
    with locked(folder):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _describe(writer: ShardWriter, threads: int) -> dict[str, Any]:
    _prepare_worker(threads)
    return writer.describe()


def _compute(writer: ShardWriter, shard: Shard, path: Path | ObjectPath, threads: int) -> Computed:
    _prepare_worker(threads)
    return stage_elsewhere(writer, shard, path)


def _prepare_worker(threads: int) -> None:
    """Set the threads of a worker in which TensorFlow is not started yet; all tasks of a job have the same."""
    with suppress(ConfigError):
        set_threads(threads)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
