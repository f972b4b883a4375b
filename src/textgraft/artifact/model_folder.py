"""The model folder: which files it has, and what is in them."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from textgraft.artifact import storage
from textgraft.artifact.tensors import as_safetensors
from textgraft.errors import ModelFolderError

FORMAT_VERSION = 1

CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_HISTORY = "history.csv"
_CARD = "README.md"


@dataclass(frozen=True)
class Content:
    """What is written.

    Attributes:
        config: JSON values; "format_version" among them.
        weights: name to array.
        assets: file name to content, of the tokenizer.
        history: a row per epoch, all with the same keys.
        card: the model card, Markdown.
    """

    config: dict[str, Any]
    weights: Mapping[str, np.ndarray]
    assets: Mapping[str, bytes]
    history: list[dict[str, float]]
    card: str


class StoredModel:
    """What was read: a verified model folder.

    Attributes:
        folder: where it is.
        config: as written.
        history: as written.
    """

    def __init__(self, folder: Path) -> None:
        """Read all but the weights of a folder that has been verified.

        Raises:
            ModelFolderError: when it has another format version.
        """
        self.folder = folder
        self.config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        found = self.config.get("format_version")
        if found != FORMAT_VERSION:
            raise ModelFolderError(
                f"{folder} has format version {found}; this textgraft reads {FORMAT_VERSION}: install a matching one"
            )
        with (folder / _HISTORY).open(newline="", encoding="utf-8") as file:
            self.history = [{key: _number(cell) for key, cell in row.items()} for row in csv.DictReader(file)]

    def assign(self, variables: Mapping[str, Any]) -> None:
        """Set every variable to the stored weight of its name.

        Args:
            variables: name to `keras.Variable`.

        Raises:
            ModelFolderError: when a weight is missing, left over, or of another shape.
        """
        try:
            with safe_open(self.folder / _WEIGHTS, framework="np") as weights:
                stored = set(weights.keys())
                if odd := sorted(stored ^ variables.keys()):
                    raise ModelFolderError(f"{self.folder / _WEIGHTS} and the network differ in {odd[0]}")
                for name, variable in variables.items():
                    _assign(self.folder / _WEIGHTS, name, variable, weights.get_tensor(name))
        except SafetensorError as error:
            raise ModelFolderError(f"{self.folder / _WEIGHTS} is damaged: {error}") from error


def write(folder: Path, content: Content, overwrite: bool = False) -> Path:
    """Write a model folder, whole or not at all.

    Raises:
        ModelFolderError: see `storage.write_folder`.
    """
    files: dict[str, storage.Content] = {name: [data] for name, data in content.assets.items()}
    files[CONFIG] = [_json(content.config)]
    files[_WEIGHTS] = as_safetensors(content.weights)
    files[_HISTORY] = [_csv(content.history)]
    files[_CARD] = [content.card.encode()]
    storage.write_folder(folder, files, overwrite)
    return folder


def read(folder: Path) -> StoredModel:
    """Verify and open a model folder; no code from it is run.

    Raises:
        ModelFolderError: when it is no model folder, damaged, or of another format version.
    """
    if not folder.is_dir():
        raise ModelFolderError(f"{folder} is no folder; give one that `textgraft train` wrote")
    storage.verify_folder(folder)
    return StoredModel(folder)


def is_model_folder(path: Path) -> bool:
    """Whether textgraft wrote it, judged by its file names."""
    return all((path / name).is_file() for name in (CONFIG, _WEIGHTS, _HISTORY))


def _assign(file: Path, name: str, variable: Any, weight: np.ndarray) -> None:
    if tuple(variable.shape) != weight.shape:
        raise ModelFolderError(f"{file}: {name} has shape {weight.shape}, the network expects {tuple(variable.shape)}")
    variable.assign(weight)


def _number(cell: str) -> float:
    return int(cell) if cell.isdecimal() else float(cell)


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _csv(history: list[dict[str, float]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(history[0]) if history else ["epoch"])
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue().encode()
