"""The contract of an export format, and the answers by which an exported model is compared with its model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from textgraft.tasks.base import Task

# One array per output of the exported model, each (n, ...), by its name.
Answers = Mapping[str, np.ndarray]

# A text, or a pair of texts.
Text = str | tuple[str, str]


class ExportFormat(ABC):
    """A format of exported models.

    Attributes:
        name: value of `--to`, the name of the file.
    """

    name: ClassVar[str]

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
