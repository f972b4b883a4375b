"""Commands as processes: started anew, or forked from a process that has imported TensorFlow, which saves seconds."""

import contextlib
import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXTGRAFT = (sys.executable, "-m", "textgraft")

_STREAMS = {".out": 1, ".err": 2}

_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Command:
    """A running command, in a process group of its own."""

    def __init__(self, process: "subprocess.Popen[bytes] | _Fork", pid: int, log: Path) -> None:
        self._process, self._pid, self._log = process, pid, log

    def poll(self) -> int | None:
        """The exit code; negative for the signal that ended it, None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float = 600.0) -> int:
        """The exit code; a RuntimeError when the command has not ended in time."""
        deadline = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"did not end within {seconds:.0f} s: {self.messages}")
            time.sleep(0.005)
        return code

    def kill(self, signal_number: int = signal.SIGKILL, group: bool = False) -> None:
        """Send a signal, also to all processes that the command started (`group`)."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self._pid, signal_number)

    @property
    def printed(self) -> str:
        """Its standard output so far."""
        return self._log.with_suffix(".out").read_text(errors="replace")

    @property
    def messages(self) -> str:
        """Its standard error so far."""
        return self._log.with_suffix(".err").read_text(errors="replace")


class Starter:
    """Starts commands in a folder."""

    def __init__(self, scratch: Path) -> None:
        """Use a new folder for what commands print, and as their temporary folder."""
        scratch.mkdir()
        self._scratch = scratch
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tools.chaos.imports"])
        self._lock, self._counter = threading.Lock(), itertools.count()

    def start(
        self,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        fork: bool,
        program: Sequence[str] = TEXTGRAFT,
    ) -> Command:
        """Start `textgraft` with arguments.

        Args:
            arguments: of the command line.
            cwd: working folder.
            environment: variables added to those of this process.
            fork: whether the process is forked instead of started anew.
            program: what takes the arguments when it is started anew.
        """
        variables = {**_ONE_THREAD, "TMPDIR": str(self._scratch), **environment}
        log = self._scratch / f"{cwd.name}-{next(self._counter)}"
        for ending in _STREAMS:
            log.with_suffix(ending).write_bytes(b"")
        if fork:
            process = _Fork(self._context.Process(target=_run, args=(arguments, cwd, variables, log)), self._lock)
            return Command(process, process.pid, log)
        paths = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONHASHSEED": str(random.randrange(1000))}
        with log.with_suffix(".out").open("wb") as output, log.with_suffix(".err").open("wb") as errors:
            started = subprocess.Popen(
                [*program, *arguments],
                cwd=cwd,
                env={**os.environ, **paths, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
        return Command(started, started.pid, log)


class _Fork:
    """A forked process; multiprocessing's are not made for threads, so a lock guards them."""

    def __init__(self, process: BaseProcess, lock: threading.Lock) -> None:
        self._process, self._lock = process, lock
        with lock:
            process.start()
        self.pid = int(process.pid or 0)

    def poll(self) -> int | None:
        with self._lock:
            return self._process.exitcode


def _run(arguments: Sequence[str], cwd: Path, variables: Mapping[str, str], log: Path) -> None:
    """Run a command line in this process, as the console script does."""
    for ending, stream in _STREAMS.items():
        os.dup2(os.open(log.with_suffix(ending), os.O_WRONLY), stream)
    os.setsid()
    os.chdir(cwd)
    os.environ.update(variables)
    tempfile.tempdir = None  # chosen by this process's TMPDIR
    sys.argv = ["textgraft", *arguments]
    from textgraft.cli import main

    main()
