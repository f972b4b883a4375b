"""Local workers: processes of the same command, each with a share of the cores or a GPU, joined by socket pairs.

No port is opened: a worker inherits its end of the connection.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from textgraft.computation import THREADS_VARIABLE
from textgraft.runtime import set_threads
from textgraft.workers.channel import Channel
from textgraft.workers.team import Chief, Follower

# Set for a worker process: its index, the number of workers, and the file descriptor of its connection.
_VARIABLE = "TEXTGRAFT_WORKER"
_DEVICES_VARIABLE = "CUDA_VISIBLE_DEVICES"

# Seconds until a process that has lost its connection, or should end, is over.
_END_SECONDS = 20


def inherited_follower() -> Follower | None:
    """This process as a local worker that `local_chief` started; None for any other process."""
    if not (value := os.environ.pop(_VARIABLE, "")):
        return None
    worker, workers, descriptor = map(int, value.split())
    connection = socket.socket(fileno=descriptor)
    connection.set_inheritable(False)
    return Follower(Channel(connection, "worker 0"), worker, workers, is_local=True)


@contextmanager
def local_chief(workers: int) -> Iterator[Chief]:
    """Start the other workers with the command line of this process, which is worker 0; they end with the context.

    Unless the number of threads is set, each takes an equal share of the cores. GPUs are dealt out in turn.

    Raises:
        ConfigError: when TensorFlow is imported already, which reads the number of threads.
    """
    if THREADS_VARIABLE not in os.environ:
        set_threads(max(1, _cores() // workers))
    devices = _visible_devices()
    followers = [_start(worker, workers, device_of(worker, devices)) for worker in range(1, workers)]
    os.environ.update(device_of(0, devices))
    chief = Chief([channel for _, channel in followers])
    try:
        with chief.leading():
            yield chief
    except BaseException:
        for process, _ in followers:
            process.kill()  # they may be in the middle of a long computation, and write nothing
        raise
    finally:
        for process, _ in followers:
            _end(process)


def device_of(worker: int, devices: list[str]) -> dict[str, str]:
    """The variables of the environment that give a worker a GPU of its own; none where there is no GPU."""
    return {_DEVICES_VARIABLE: devices[worker % len(devices)]} if devices else {}


def _visible_devices() -> list[str]:
    """The GPUs that the user allows, by default all of the machine; asking TensorFlow would start it on all of them."""
    if _DEVICES_VARIABLE in os.environ:
        return [name for name in os.environ[_DEVICES_VARIABLE].split(",") if name]
    return [str(index) for index, _ in enumerate(sorted(Path("/dev").glob("nvidia[0-9]*")))]


def _start(worker: int, workers: int, environment: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], Channel]:
    connection, inherited = socket.socketpair()
    with inherited:
        variable = {_VARIABLE: f"{worker} {workers} {inherited.fileno()}"}
        process = subprocess.Popen(  # noqa: S603  (this command, without a shell)
            [sys.executable, "-m", "textgraft", *sys.argv[1:]],
            env={**os.environ, **environment, **variable},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[inherited.fileno()],
            start_new_session=True,  # Ctrl-C reaches worker 0 only, which ends the others after a checkpoint
        )
    return process, Channel(connection, f"worker {worker}", lambda: _status(process))


def _status(process: subprocess.Popen[bytes]) -> str:
    """How a process ended that has closed its connection."""
    try:
        code = process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        return "without an exit code"
    return f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
