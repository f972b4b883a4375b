"""The model folder: which files it has, and what is in them."""

import csv
import io
import json
import os
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from textgraft.errors import ModelFolderError
from textgraft.model_folder.config import check_config, check_files
from textgraft.model_folder.history import read_history
from textgraft.storage import folders
from textgraft.storage.files import read_bounded
from textgraft.storage.manifest import read_manifest, verify_folder
from textgraft.storage.safetensors import tensor_shapes, to_safetensors
from textgraft.storage.schema import parse_json

FORMAT_VERSION = 3

_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_HISTORY = "history.csv"
_CARD = "README.md"

# Bytes; another file is the tokenizer's. JSON can take 40 times its size in memory.
_LARGEST = {_CONFIG: 5 * 2**20, _HISTORY: 2 * 2**20, _CARD: 8 * 2**20, _WEIGHTS: 2**63}
_LARGEST_ASSET = 128 * 2**20
_GROWS = {_CONFIG: "the list of labels", _HISTORY: "the training", _CARD: "the labels"}


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
        sha256: file name to SHA-256.
        config: as written.
        history: as written.
    """

    def __init__(self, folder: Path, sha256: Mapping[str, str]) -> None:
        """Read all but the weights of a folder that has been verified.

        Raises:
            ModelFolderError: when a file is malformed, has another format version, or does not fit the others.
        """
        self.folder, self.sha256 = folder, sha256
        config = parse_json(read_bounded(folder / _CONFIG, _LARGEST[_CONFIG]), folder / _CONFIG)
        _require_format(config, folder)
        check_config(config, folder / _CONFIG)
        check_files(config, tensor_shapes(folder / _WEIGHTS), folder)
        self.config = config
        self.history = read_history(folder / _HISTORY, _LARGEST[_HISTORY])

    def assign(self, variables: Mapping[str, Any]) -> None:
        """Set every variable to the stored weight of its name.

        Args:
            variables: name to `keras.Variable`.

        Raises:
            ModelFolderError: when a weight is missing, left over, or of another shape, or when another model has
                taken the folder's place since it was verified.
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
        if read_manifest(self.folder) != self.sha256:
            raise ModelFolderError(f"{self.folder} was replaced while it was read; read it again")


def write(folder: Path, content: Content, overwrite: bool = False) -> Path:
    """Write a model folder, whole or not at all.

    Raises:
        ModelFolderError: when a file would be larger than `read` takes, or a number is none; see also
            `folders.write_folder`.
    """
    files: dict[str, folders.Content] = {name: [data] for name, data in content.assets.items()}
    try:
        files[_CONFIG] = [_json(content.config)]
    except UnicodeEncodeError as error:
        raise ModelFolderError(f"{folder} cannot be written: a name in its config is not UTF-8: {error}") from error
    except ValueError as error:
        raise ModelFolderError(f"{folder} cannot be written: its config has a number that is not finite") from error
    files[_WEIGHTS] = to_safetensors(content.weights)
    files[_HISTORY] = [_csv(content.history)]
    files[_CARD] = [content.card.encode()]
    for name in files.keys() - {_WEIGHTS}:
        _require_readable(folder / name, sum(map(len, files[name])))
    folders.write_folder(folder, files, overwrite)
    return folder


def read(folder: Path) -> StoredModel:
    """Verify and open a model folder; no code from it is run.

    Raises:
        ModelFolderError: when it is no model folder, damaged, of another format version, or its parts do not fit.
    """
    if not os.path.isdir(folder):  # noqa: PTH112  (False where it may not be looked at, too)
        raise ModelFolderError(f"{folder} is no folder; give one that `textgraft train` wrote")
    try:
        return StoredModel(folder, verify_folder(folder, lambda name: _LARGEST.get(name, _LARGEST_ASSET)))
    except OSError as error:
        raise ModelFolderError(f"{folder} cannot be read: {error.strerror}; look at its permissions") from error


def is_model_folder(path: Path) -> bool:
    """Whether textgraft wrote it, judged by its file names."""
    return all((path / name).is_file() for name in (_CONFIG, _WEIGHTS, _HISTORY))


def _require_readable(path: Path, size: int) -> None:
    most = _LARGEST.get(path.name, _LARGEST_ASSET)
    if size > most:
        raise ModelFolderError(
            f"{path} would have {size:,} bytes, and {most:,} are read at most; shorten {_GROWS.get(path.name, 'it')}"
        )


def _require_format(config: dict[str, Any], folder: Path) -> None:
    found = config.get("format_version")
    if type(found) is not int or found != FORMAT_VERSION:
        raise ModelFolderError(
            f"{folder} has format version {reprlib.repr(found)}; this textgraft reads {FORMAT_VERSION}: "
            "install a matching one"
        )


def _assign(file: Path, name: str, variable: Any, weight: np.ndarray) -> None:
    if tuple(variable.shape) != weight.shape:
        raise ModelFolderError(f"{file}: {name} has shape {weight.shape}, the network expects {tuple(variable.shape)}")
    variable.assign(weight)


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _csv(history: list[dict[str, float]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(history[0]) if history else ["epoch"])
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue().encode()
