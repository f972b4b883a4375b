"""The model folder: its files, reading and writing."""

import csv
import io
import json
import math
import os
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from textgraft.errors import ModelFolderError
from textgraft.model_folder.config import check_config, check_files
from textgraft.storage import folders
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.schema import parse_json
from textgraft.storage.verification import read_bounded, read_manifest, tensor_shapes, verify_folder

FORMAT_VERSION = 3

_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_HISTORY = "history.csv"
_CARD = "README.md"

# Maximum sizes in bytes; all other files are the tokenizer's. JSON can take 40 times its size in memory.
_MAX_BYTES = {_CONFIG: 5 * 2**20, _HISTORY: 2 * 2**20, _CARD: 8 * 2**20, _WEIGHTS: 2**63}
_MAX_ASSET_BYTES = 128 * 2**20
_GROWS_WITH = {_CONFIG: "the list of labels", _HISTORY: "the training", _CARD: "the labels"}


@dataclass(frozen=True)
class ModelContent:
    """Content of a model folder.

    Attributes:
        config: JSON values; "format_version" is one of them.
        weights: arrays by name.
        assets: content of the tokenizer's files by name.
        history: one row per epoch, all with the same keys.
        card: the model card, Markdown.
    """

    config: dict[str, Any]
    weights: Mapping[str, np.ndarray]
    assets: Mapping[str, bytes]
    history: list[dict[str, float]]
    card: str


class StoredModel:
    """A verified model folder whose weights are not read yet.

    Attributes:
        folder: its path.
        sha256: SHA-256 of each file by name.
        config: content of config.json.
        history: rows of history.csv.
    """

    def __init__(self, folder: Path, sha256: Mapping[str, str]) -> None:
        """Read a folder whose hashes are verified.

        Raises:
            ModelFolderError: when a file is malformed, has another format version, or does not fit the others.
        """
        self.folder, self.sha256 = folder, sha256
        config = parse_json(read_bounded(folder / _CONFIG, _MAX_BYTES[_CONFIG]), folder / _CONFIG)
        _require_format(config, folder)
        check_config(config, folder / _CONFIG)
        self._shapes = tensor_shapes(folder / _WEIGHTS)
        check_files(config, self._shapes, folder)
        self.config = config
        self.history = _read_history(folder / _HISTORY)

    def check_weights(self, variables: Mapping[str, Any], prefix: str = "") -> None:
        """Compare names and shapes of variables with the stored weights; no value is read.

        Args:
            variables: `keras.Variable` by name.
            prefix: only stored weights whose names start with it are compared.

        Raises:
            ModelFolderError: when a weight is missing, left over or of another shape.
        """
        stored = {name: shape for name, shape in self._shapes.items() if name.startswith(prefix)}
        for name, variable in variables.items():
            shape = stored.pop(name, None)
            if shape != tuple(variable.shape):
                actual = f"one of shape {shape}" if shape else "no such weight"
                raise self._mismatch(f"{name} of shape {tuple(variable.shape)}", actual)
        if stored:
            raise self._mismatch(f"no weight {reprlib.repr(next(iter(stored)))}", "one")

    def assign(self, variables: Mapping[str, Any], prefix: str = "") -> None:
        """Set variables to the stored weights; see `check_weights`.

        Raises:
            ModelFolderError: when names or shapes differ, or the folder was replaced since it was verified.
        """
        self.check_weights(variables, prefix)
        path = self.folder / _WEIGHTS
        try:
            with safe_open(path, framework="np") as weights:
                for name, variable in variables.items():
                    variable.assign(weights.get_tensor(name))
        except (SafetensorError, ValueError) as error:
            raise ModelFolderError(f"{path} is damaged: {error}; copy the model folder again") from error
        if read_manifest(self.folder) != self.sha256:
            raise ModelFolderError(f"{self.folder} was replaced while it was read; read it again")

    def _mismatch(self, expected: str, actual: str) -> ModelFolderError:
        return ModelFolderError(
            f"{self.folder}: config.json describes a network with {expected}, model.safetensors holds {actual}; copy "
            "the model folder again"
        )


def write(folder: Path, content: ModelContent, overwrite: bool = False) -> Path:
    """Write a model folder atomically.

    Raises:
        ModelFolderError: when a file would be too large to be read, or the config has a number that is not finite; see
            also `folders.write_folder`.
    """
    files: dict[str, folders.FileContent] = {name: [data] for name, data in content.assets.items()}
    try:
        files[_CONFIG] = [_json(content.config)]
    except UnicodeEncodeError as error:
        raise ModelFolderError(f"cannot write {folder}: a name in its config is not UTF-8: {error}") from error
    except ValueError as error:
        raise ModelFolderError(f"cannot write {folder}: its config has a number that is not finite") from error
    files[_WEIGHTS] = to_safetensors(content.weights)
    files[_HISTORY] = [_csv(content.history)]
    files[_CARD] = [content.card.encode()]
    for name in files.keys() - {_WEIGHTS}:
        _require_readable(folder / name, sum(map(len, files[name])))
    folders.write_folder(folder, files, overwrite)
    return folder


def read(folder: Path) -> StoredModel:
    """Verify and open a model folder; no code from it is run, and TensorFlow is not imported.

    Raises:
        ModelFolderError: when it is not a model folder, damaged, of another format version, or its parts do not fit.
    """
    if not os.path.isdir(folder):  # noqa: PTH112  (False without permission, too)
        raise ModelFolderError(f"{folder} is not a folder; give one that `textgraft train` wrote")
    try:
        return StoredModel(folder, verify_folder(folder, lambda name: _MAX_BYTES.get(name, _MAX_ASSET_BYTES)))
    except OSError as error:
        raise ModelFolderError(f"{folder} cannot be read: {error.strerror}; check its permissions") from error


def is_model_folder(path: Path) -> bool:
    """Whether a path looks like a model folder, by its file names."""
    return all((path / name).is_file() for name in (_CONFIG, _WEIGHTS, _HISTORY))


def _require_readable(path: Path, size: int) -> None:
    max_bytes = _MAX_BYTES.get(path.name, _MAX_ASSET_BYTES)
    if size > max_bytes:
        raise ModelFolderError(
            f"{path} would have {size:,} bytes, more than the {max_bytes:,} that can be read; shorten "
            f"{_GROWS_WITH.get(path.name, 'it')}"
        )


def _require_format(config: dict[str, Any], folder: Path) -> None:
    version = config.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise ModelFolderError(
            f"{folder} has format version {reprlib.repr(version)}; this textgraft reads {FORMAT_VERSION}: "
            "install the version that wrote it"
        )


def _json(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _csv(history: list[dict[str, float]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(history[0]) if history else ["epoch"])
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue().encode()


def _read_history(path: Path) -> list[dict[str, float]]:
    try:
        rows = csv.reader(io.StringIO(read_bounded(path, _MAX_BYTES[_HISTORY]).decode(), newline=""), strict=True)
        names = next(rows, [])
        return [_parse_row(names, row) for row in rows]
    except (ValueError, csv.Error) as error:
        raise ModelFolderError(f"{path} is damaged: {error}; copy the model folder again") from error


def _parse_row(names: Sequence[str], row: Sequence[str]) -> dict[str, float]:
    if len(row) != len(names):
        raise ValueError(f"it has a row of {len(row)} cells, but {len(names)} columns")
    return {name: _parse_number(cell) for name, cell in zip(names, row, strict=True)}


def _parse_number(cell: str) -> float:
    if not math.isfinite(float(cell)):
        raise ValueError(f"it has the number {cell:.20}")
    return int(cell) if cell.isdecimal() else float(cell)
