"""The errors a user can meet. Each message is one line: what, where, how to mend."""

from typing import ClassVar


class TextgraftError(Exception):
    """Base of every error that textgraft raises on purpose; the command line prints it without a traceback."""

    exit_code: ClassVar[int] = 1


class ConfigError(TextgraftError):
    """An option, a config key or a combination of them that makes no sense."""

    exit_code = 2


class DataError(TextgraftError):
    """A data file that is missing, malformed or unfit for the task."""

    exit_code = 3


class PresetError(TextgraftError):
    """A pretrained model that is missing, damaged or of a kind textgraft cannot read."""

    exit_code = 4


class ModelFolderError(TextgraftError):
    """A model folder that is incomplete, altered or of another format version, or that cannot be written."""

    exit_code = 5


class TrainingError(TextgraftError):
    """Training that cannot go on, such as a loss that is no longer a number."""

    exit_code = 6


class BusyError(TextgraftError):
    """A folder that another process is writing."""

    exit_code = 7


class InterruptionError(KeyboardInterrupt):
    """A signal that asked the process to stop; what had been done is saved. No `except Exception` holds it up.

    Attributes:
        exit_code: 128 and the signal's number, as shells have it.
    """

    def __init__(self, message: str, signal: int) -> None:
        """Tell what was done, and the signal's number."""
        super().__init__(message)
        self.exit_code = 128 + signal
