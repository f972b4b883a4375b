"""The contract of an export format, and what an export needs; importing this file does not import TensorFlow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from textgraft import registry
from textgraft.errors import ConfigError, ModelFolderError
from textgraft.storage.disk import disk_errors, is_present

if TYPE_CHECKING:
    from textgraft.tasks.base import Task

FORMATS = "export.formats"

# One array per output of the exported model, each (n, ...), by its name.
Answers = Mapping[str, np.ndarray]

# A text, or a pair of texts.
Text = str | tuple[str, str]


class ExportFormat(ABC):
    """A format of exported models; the name of its file is the value of `--to`."""

    @abstractmethod
    def write(self, model: Task, folder: Path) -> list[str]:
        """Write the files of a model into an empty folder.

        Returns:
            what the files need beside the format's own runtime; [] if nothing.

        Raises:
            ConfigError: for a task that the format does not express.
            OSError: when a file cannot be written.
        """

    @abstractmethod
    def open(self, folder: Path) -> Callable[[Sequence[Text]], Answers]:
        """The exported model as a function, which computes as the programs do that will use it.

        Raises:
            ExportError: when the files cannot be read.
        """


def require_exportable(to: str, folder: Path) -> None:
    """Refuse an unknown format by a ConfigError, and a folder that exists by a ModelFolderError."""
    if to not in registry.names(FORMATS):
        raise ConfigError(f"format {to!r} is unknown; choose one of {', '.join(registry.names(FORMATS))}")
    with disk_errors("write", folder):
        if is_present(folder):
            raise ModelFolderError(f"{folder} already exists; remove it or choose another name")
