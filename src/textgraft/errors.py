"""Errors that a user can meet, and their exit codes. Each message is one line: problem, location, fix."""

import inspect
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Self

from textgraft.terminal.escaping import printable


def error_summary(error: Exception) -> str:
    """The first line of an error's message, or the error's type when the message is empty."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def counted(number: int, noun: str) -> str:
    """A number and its noun, with an s unless the number is 1."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


class TextgraftError(Exception):
    """Base of the errors that textgraft raises on purpose; the command line prints them without a traceback.

    Its message is one line without control characters, in which long values are shortened, as `printable` returns it.
    `meaning` explains the exit code in the help.
    """

    exit_code: ClassVar[int] = 1
    meaning: ClassVar[str] = "failure"

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class ConfigError(TextgraftError):
    """An invalid option or config key, or options that exclude each other."""

    exit_code = 2
    meaning = "invalid option or config"


class DataError(TextgraftError):
    """A data file that is missing, malformed or unsuitable for the task."""

    exit_code = 3
    meaning = "unusable data"


class RowIndexError(DataError, IndexError):
    """The index of a row that a dataset does not have."""


class PresetError(TextgraftError):
    """A pretrained model that is missing, damaged or of an unsupported kind."""

    exit_code = 4
    meaning = "preset missing or damaged"


class ModelFolderError(TextgraftError):
    """A model folder that is incomplete, altered, of another format version, or cannot be written."""

    exit_code = 5
    meaning = "model folder missing, damaged or not writable"


class TrainingError(TextgraftError):
    """Training that cannot continue, for example because the loss is not finite."""

    exit_code = 6
    meaning = "training failed"


class BusyError(TextgraftError):
    """A folder that another process is writing."""

    exit_code = 7
    meaning = "in use by another process"


class PredictionError(TextgraftError):
    """An output or a metric of a model that is not a finite number."""

    exit_code = 8
    meaning = "output not a finite number"

    @classmethod
    def about(cls, subject: str) -> Self:
        """The error for what was computed, such as "the metric loss"."""
        return cls(
            f"{subject} is not a finite number, since values in the network overflow; use --precision float32 "
            '(precision="float32"), or another model'
        )


class ExportError(TextgraftError):
    """An exported model that is incomplete, altered, or gives other answers than the model that it was made from."""

    exit_code = 9
    meaning = "exported model altered, or its answers differ"


class WorkerError(TextgraftError):
    """Another worker of a training run that has ended or failed."""

    exit_code = 10
    meaning = "another worker of the training ended"


class LeakError(TextgraftError):
    """Texts of a given validation or test set among the training texts."""

    exit_code = 11
    meaning = "texts of a given set among the training texts"


class DriftError(TextgraftError):
    """New texts, or the answers to them, that differ from those of a training."""

    exit_code = 12
    meaning = "drift of texts or answers"


_ERRORS: list[type[TextgraftError]] = [TextgraftError, *TextgraftError.__subclasses__()]
_MEANINGS = "; ".join(f"{error.exit_code} {error.meaning}" for error in _ERRORS)
EXIT_CODES = f"Exit codes: 0 success; {_MEANINGS}; 130 or 143 interrupted."


class TextgraftWarning(UserWarning):
    """A fact about a model or texts that changes results; the command line prints it as one line."""


def warn(message: str) -> None:
    """Issue a `TextgraftWarning` at the line outside textgraft that led here, so that Python shows it once per line."""
    frame, level = inspect.currentframe(), 1
    while frame and frame.f_globals.get("__name__", "").partition(".")[0] in ("textgraft", "contextlib"):
        frame, level = frame.f_back, level + 1
    warnings.warn(printable(message), TextgraftWarning, stacklevel=level)


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Collect the messages of `TextgraftWarning`s, for another process to show; other warnings are ignored."""
    messages = list[str]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", TextgraftWarning)
        yield messages
    messages += [str(warning.message) for warning in caught]


class Once:
    """A function that is true at its first call only, in whatever threads the calls are."""

    def __init__(self) -> None:
        self._lock, self._is_used = threading.Lock(), False

    def __call__(self) -> bool:
        """Whether this is the first call."""
        with self._lock:
            is_first, self._is_used = not self._is_used, True
        return is_first


class InterruptionError(KeyboardInterrupt):
    """A signal that stopped the process after its work was saved. `except Exception` does not catch it."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(printable(message))
        self.signal = signal
        self.exit_code = 128 + signal  # the convention of shells

    def __reduce__(self) -> tuple[type[Self], tuple[str, int]]:
        return type(self), (str(self), self.signal)
