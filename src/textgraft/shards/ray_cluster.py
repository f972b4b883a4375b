"""A Ray cluster, of this machine or of many, and its workers."""

import logging
import os
import secrets
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from textgraft.errors import ConfigError, TextgraftError, error_summary
from textgraft.runtime import set_threads
from textgraft.storage.locks import locked

# Threads of a worker: TensorFlow uses several less well than several processes do.
WORKER_THREADS = 1

_CONNECTION_SECONDS = 10.0
_POLL_SECONDS = 1.0
_HANDLED_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_OBJECT_STORE_BYTES = 1 << 30
_SESSION = "textgraft-ray-"


class RayCluster:
    """A connection to a Ray cluster; a context manager.

    Ray's usage statistics and its dashboard are off, and what workers print is not shown.

    Attributes:
        address: of a running cluster; None for one that starts and ends with the context.
        threads: number of processor threads, and of Ray's CPUs, of a worker.
        on_message: takes lines about workers that end.
        on_poll: called each second while this process waits; may raise.
        ray: the module, within the context.
    """

    def __init__(
        self,
        address: str | None,
        threads: int,
        on_message: Callable[[str], None],
        on_poll: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is started yet; arguments are the attributes.

        An exception of a handler of signals within Ray would end the process; `on_poll` is called outside.
        """
        self.address, self.threads, self.on_message, self.on_poll = address, threads, on_message, on_poll
        self._stack = ExitStack()
        self.ray: Any = None

    def __enter__(self) -> Self:
        """Connect to the cluster, or start it.

        Raises:
            ConfigError: when there is none at the address, or no machine of it has the threads.
            TextgraftError: when it cannot be started.
        """
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
        import ray

        self.ray = ray
        options: dict[str, Any] = {"address": self.address}
        if self.address is not None:
            _require_reachable(self.address)
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
            self.require_threads(self.threads)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _connect(self, options: Mapping[str, Any]) -> None:
        """Start Ray without its log, and without its handlers of signals."""
        handlers = {number: signal.getsignal(number) for number in _HANDLED_SIGNALS}
        is_stopped = False
        try:
            self.ray.init(logging_level=logging.CRITICAL, log_to_driver=False, **options)
        except SystemExit:  # of Ray's own handler
            is_stopped = True
        except Exception as error:
            reason = f"{error_summary(error):.200}"
            if self.address is None:
                raise TextgraftError(f"cannot start Ray: {reason}; is the machine overloaded? run it again") from error
            advice = "check the address and Ray's version"
            raise ConfigError(f"cannot use the Ray cluster at {self.address}: {reason}; {advice}") from error
        finally:
            for number, handler in handlers.items():
                with suppress(ValueError):  # in a thread other than the main one
                    signal.signal(number, handler)
        if is_stopped:
            signal.raise_signal(signal.SIGTERM)
            self.on_poll()

    def __exit__(self, *error: object) -> None:
        """Disconnect, and end a cluster that was started here."""
        self.ray.shutdown()
        self._stack.close()

    def require_threads(self, threads: int) -> None:
        """Raise a ConfigError unless a machine of the cluster has as many CPUs."""
        largest = max((self._cpus(node) for node in self.ray.nodes()), default=0)
        if threads > largest:
            raise ConfigError(f"threads {threads} is above the {largest} CPUs of the largest machine; lower it")

    @property
    def workers(self) -> int:
        """The number of tasks that can run at the same time now."""
        return max(1, sum(self._cpus(node) // self.threads for node in self.ray.nodes()))

    def wait(self, references: Sequence[Any]) -> list[Any]:
        """The first of these tasks that ended, none after a second."""
        self.on_poll()
        ready, _ = self.ray.wait(references, num_returns=1, timeout=_POLL_SECONDS) if references else ([], [])
        return list(ready)

    def result(self, reference: Any) -> Any:
        """The result of a task; its own error is raised as it was in the worker."""
        try:
            return self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
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


def prepare_worker(threads: int) -> None:
    """Set the threads of a worker in which TensorFlow is not started yet; all tasks of a job have the same."""
    with suppress(ConfigError):
        set_threads(threads)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
