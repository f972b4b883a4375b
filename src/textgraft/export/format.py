"""The contract of an export format, and what an export needs; importing this file does not import TensorFlow."""

from __future__ import annotations

import keyword
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from textgraft import registry
from textgraft.errors import ConfigError, ModelFolderError
from textgraft.evaluation.answer_comparison import TOLERANCE
from textgraft.options import CheckedOptions, option
from textgraft.storage.disk import disk_errors, is_present
from textgraft.storage.folders import clean_up
from textgraft.storage.temporary import EXPORT_RECORD

if TYPE_CHECKING:
    from textgraft.tasks.base import Task

FORMATS = "export.formats"

# One array per output of the exported model, each (n, ...), by its name.
Answers = Mapping[str, np.ndarray]

# A text, or a pair of texts.
Text = str | tuple[str, str]


# https://peps.python.org/pep-0503/ without a digit or sign at the ends, and the canonical versions of
# https://peps.python.org/pep-0440/#appendix-b-parsing-version-strings-with-regular-expressions
_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_NUMBER = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(
    rf"([1-9][0-9]*!)?{_NUMBER}(\.{_NUMBER})*((a|b|rc){_NUMBER})?(\.post{_NUMBER})?(\.dev{_NUMBER})?", re.ASCII
)
_TAKEN_NAMES = {*sys.stdlib_module_names, "numpy", "onnxruntime", "tokenizers", "textgraft"}


@dataclass(frozen=True)
class ExportOptions(CheckedOptions):
    """Options of formats; each format honours a part of them."""

    int8: bool = option(
        False,
        "Write the network in int8, as `textgraft quantize` proved it (onnx, wheel), or as --proof proves it (litert).",
        panel="Output",
    )
    proof: str | None = option(
        None, "Source of labelled texts that the model was not trained on, which prove int8 (litert).", panel="Output"
    )
    name: str | None = option(None, "Name of the package, which programs import (wheel).", panel="Output")
    version: str | None = option(None, "Version of the package, such as 1.2.0 (wheel).", panel="Output")
    ops: str = option(
        "core",
        "Operations of the graph: TensorFlow's own, or also those of TensorFlow Text, which are faster (savedmodel).",
        choices=("core", "text"),
        panel="Output",
    )
    without_ngrams: bool = option(
        False, "Export the network alone, calibrated by itself, of a model with n-grams.", panel="Output"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.int8 and self.without_ngrams and self.proof is None:
            raise ConfigError("int8 was proved for network and n-grams together; drop --int8 or --without-ngrams")
        if self.name is not None and not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"name {self.name!r:.60} is not the name of a package; use letters, digits, hyphens and underscores, "
                "and a letter first"
            )
        if self.name is not None and (self.module in _TAKEN_NAMES or keyword.iskeyword(self.module)):
            raise ConfigError(
                f"name {self.name} is that of a module of Python or of the package's needs; choose another"
            )
        if self.version is not None and not _VERSION.fullmatch(self.version):
            raise ConfigError(f"version {self.version!r:.60} is not a version such as 1.2.0 or 1.2.0rc1 (PEP 440)")

    @property
    def module(self) -> str:
        """The name as programs import it."""
        return re.sub(r"[-_.]+", "_", self.name or "").lower()


class Requirements(NamedTuple):
    """What a program needs that runs an exported model.

    Attributes:
        needs: what the files need beside the format's own runtime.
        operations: names of all operations of the graph, of formats whose runtimes differ in them.
        proof: of int8, where the export itself has made it, see `litert_proof`; empty otherwise.
    """

    needs: Sequence[str] = ()
    operations: Sequence[str] = ()
    proof: Mapping[str, Any] = MappingProxyType({})


class ExportFormat(ABC):
    """A format of exported models; the name of its file is the value of `--to`.

    Attributes:
        options: names of the fields of `ExportOptions` that it honours beside `without_ngrams`, which all do.
        has_ngrams: whether it expresses n-grams beside a network.
        has_rejection: whether it rejects unknown texts as the model does.
    """

    options: ClassVar[tuple[str, ...]] = ()
    has_ngrams: ClassVar[bool] = False
    has_rejection: ClassVar[bool] = False

    def __init__(self, options: ExportOptions = ExportOptions()) -> None:
        self.selected = options

    def require_packages(self, to: str) -> None:  # noqa: B027  (most formats need none)
        """Raise a ConfigError when a package is missing that the format, named `to`, needs."""

    def check(self, to: str) -> None:
        """Raise a ConfigError for an option that the format, named `to`, does not honour, or for one that it lacks."""
        honoured = {*self.options, "without_ngrams"}
        for field in fields(self.selected):
            if field.name not in honoured and getattr(self.selected, field.name) != field.default:
                raise ConfigError(f"format {to} has no option --{field.name}; drop it")

    @abstractmethod
    def write(self, model: Task, folder: Path) -> Requirements:
        """Write the files of a model into an empty folder.

        Raises:
            ConfigError: for a task that the format does not express.
            OSError: when a file cannot be written.
        """

    def reference(self, model: Task, texts: Sequence[Text]) -> Answers:
        """What `open` must answer, by the predictions of the model."""
        return model.reference_answers(texts)

    @staticmethod
    def tolerance(name: str) -> float:
        """The largest difference of numbers in the answers of a name, relative above 1."""
        return TOLERANCE

    def takes(self, model: Task, text: Text) -> bool:
        """Whether the programs that will use a model in this format compute a text; by default every text."""
        return True

    @abstractmethod
    def open(self, folder: Path, temporary: Path | None = None) -> Callable[[Sequence[Text]], Answers]:
        """The exported model as a function, which computes as the programs do that will use it.

        Args:
            folder: where `write` wrote.
            temporary: a folder for temporary files, which do not outlast this call; by default the system's.

        Raises:
            Exception: of any type, when the files cannot be read or run.
        """


def require_exportable(to: str, folder: Path) -> None:
    """Refuse an unknown format by a ConfigError, and a folder that exists by a ModelFolderError."""
    if to not in registry.names(FORMATS):
        raise ConfigError(f"format {to!r} is unknown; choose one of {', '.join(registry.names(FORMATS))}")
    with disk_errors("write", folder):
        if is_present(folder):
            if (folder / EXPORT_RECORD).is_file():
                clean_up(folder)  # the lock of a process that was killed when the folder was complete
            raise ModelFolderError(f"{folder} already exists; remove it or choose another name")
