"""Runs a reader on one input within limits of time and memory, and sorts what comes of it."""

import contextlib
import hashlib
import re
import resource
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from textgraft.errors import TextgraftError, TextgraftWarning
from textgraft.terminal.escaping import MAX_LINE

MAX_SECONDS = 2.0  # of CPU per input
MAX_BYTES = 128 * 2**20  # by which an input may raise the peak of the memory

_STORED = 3  # inputs of a kind of finding
_MAX_DATA = 8 * 2**30
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NUMBERS = re.compile(r"\d+")


class InconsistencyError(Exception):
    """A file that was read, but not as it should be."""


class MessageError(InconsistencyError):
    """A message that is not one line of printable text; `kind` is what findings of one cause share."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message[:300]!a}")
        self.kind = kind


class SlowError(BaseException):
    """An input for which the time is up; no `except Exception` catches it."""


def require(condition: object, problem: str) -> None:
    """Raise an InconsistencyError unless the condition is true."""
    if not condition:
        raise InconsistencyError(problem)


def require_line(message: str, name: str) -> None:
    """Raise a MessageError unless a message, of this name in findings, is one line without control characters."""
    controls = _CONTROLS.search(message)
    if controls and controls[0] in "\r\n":
        raise MessageError(f"line break in {name}", message)
    if controls:
        raise MessageError(f"control character in {name}", message)
    if not 0 < len(message) <= MAX_LINE:
        raise MessageError(f"length of {name}", message)


def limit_memory() -> None:
    """Let allocations of this process fail before the machine suffers."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MAX_DATA, resource.getrlimit(resource.RLIMIT_DATA)[1]))


class Watch:
    """Calls a reader, counts inputs by outcome, and stores the first inputs of each kind of finding.

    Attributes:
        outcomes: the number of inputs that were read, refused, or are findings.
        findings: the number of inputs by kind of finding.
        slowest: the longest time of the CPU for an input, in seconds.
    """

    def __init__(self, read: Callable[[bytes], None], out: Path) -> None:
        self._read, self._out = read, out
        self.outcomes: Counter[str] = Counter()
        self.findings: Counter[str] = Counter()
        self.slowest = 0.0

    def __call__(self, data: bytes) -> str:
        """Read an input; returns the kind of the finding, or an empty string."""
        peak, started = _peak_bytes(), time.process_time()
        try:
            with _time_limit(), _strict_warnings():
                self._read(data)
            outcome, kind, report = "read", "", ""
        except TextgraftError as error:
            outcome, (kind, report) = "refused", _fault_of_message(error)
        except (Exception, SlowError) as error:
            outcome, kind, report = "finding", _kind(error), "".join(traceback.format_exception(error))
        self.slowest = max(self.slowest, time.process_time() - started)
        if not kind and (grown := _peak_bytes() - peak) > MAX_BYTES:
            kind, report = "memory", f"memory grew by {grown:,} bytes\n"
        self.outcomes["finding" if kind else outcome] += 1
        if kind:
            self._store(kind, report, data)
        return kind

    def _store(self, kind: str, report: str, data: bytes) -> None:
        self.findings[kind] += 1
        if self.findings[kind] > _STORED:
            return
        path = self._out / f"{hashlib.sha256(kind.encode()).hexdigest()[:12]}-{self.findings[kind]}"
        path.write_bytes(data)
        Path(f"{path}.txt").write_text(f"{kind}\n\n{report}", encoding="utf-8", errors="backslashreplace")
        if self.findings[kind] == 1:
            print(f"finding: {kind}\n  {path}", flush=True)


def _fault_of_message(error: TextgraftError) -> tuple[str, str]:
    try:
        require_line(str(error), f"the message at {_place(error)}")
    except MessageError as fault:
        return fault.kind, f"{fault}\n"
    return "", ""


def _kind(error: BaseException) -> str:
    """What findings of one cause share."""
    if isinstance(error, MessageError):
        return error.kind
    if isinstance(error, InconsistencyError):
        return f"inconsistent: {_NUMBERS.sub('N', str(error))[:100]}"
    return f"{type(error).__name__} at {_place(error)}"


def _place(error: BaseException) -> str:
    """The innermost line of textgraft in a traceback, or of any file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/textgraft/" in frame.filename] or frames
    return f"{'/'.join(Path(own[-1].filename).parts[-2:])}:{own[-1].lineno}"


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise SlowError(f"over {MAX_SECONDS} seconds")

    previous = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)


@contextlib.contextmanager
def _strict_warnings() -> Iterator[None]:
    """Within the context, Python's warnings are errors; those of textgraft must be lines."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", TextgraftWarning)
        yield
    for warning in caught:
        require_line(str(warning.message), "a warning")


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
