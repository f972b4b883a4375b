"""Writing of model folders; `folder.py` has the names of their files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textgraft.backbones.family import load_family
from textgraft.errors import ModelFolderError
from textgraft.model_folder.card import write_card
from textgraft.model_folder.folder import CARD, CONFIG, HISTORY, MAX_ASSET_BYTES, MAX_BYTES, WEIGHTS
from textgraft.storage import folders
from textgraft.storage.finite import is_finite
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.syncing import FileContent

if TYPE_CHECKING:
    import keras

_GROWS_WITH = {CONFIG: "the list of labels", HISTORY: "the training", CARD: "the labels"}


def named_weights(**networks: keras.Model) -> dict[str, keras.Variable]:
    """The weights of networks by their names in model.safetensors: the network's name and the weight's path."""
    return {f"{part}/{weight.path}": weight for part, network in networks.items() for weight in network.weights}


def is_model_folder(path: Path) -> bool:
    """Whether a path looks like a model folder, by its file names."""
    return all((path / name).is_file() for name in (CONFIG, WEIGHTS, HISTORY))


def write_model_folder(
    folder: Path,
    config: dict[str, Any],
    weights: Mapping[str, np.ndarray],
    assets: Mapping[str, bytes],
    history: list[dict[str, float]],
    overwrite: bool = False,
) -> Path:
    """Write a model folder atomically.

    Args:
        folder: its parent must exist.
        config: JSON values; see `config.py`.
        weights: arrays by name; see `named_weights`.
        assets: content of the tokenizer's files by name.
        history: one row per epoch, all with the same keys.
        overwrite: replace an existing model folder.

    Raises:
        ModelFolderError: when a file would be too large to be read, or a number is not finite; see also
            `folders.write_folder`.
    """
    _require_finite(folder, weights, history)
    files: dict[str, FileContent] = {name: [data] for name, data in assets.items()}
    try:
        files[CONFIG] = [config_json(config)]
    except UnicodeEncodeError as error:
        raise ModelFolderError(f"cannot write {folder}: a name in its config is not UTF-8: {error}") from error
    except ValueError as error:
        raise ModelFolderError(f"cannot write {folder}: its config has a number that is not finite") from error
    files[WEIGHTS] = to_safetensors(weights)
    files[HISTORY] = [_csv(history)]
    files[CARD] = [write_card(config).encode()]
    max_bytes = {**MAX_BYTES, **load_family(config["family"]).max_bytes}
    for name in files.keys() - {WEIGHTS}:
        size, limit = sum(map(len, files[name])), max_bytes.get(name, MAX_ASSET_BYTES)
        if size > limit:
            raise ModelFolderError(
                f"{folder / name} would have {size:,} bytes, more than the {limit:,} that can be read; shorten "
                f"{_GROWS_WITH.get(name, 'it')}"
            )
    folders.write_folder(folder, files, overwrite)
    return folder


def config_json(config: Mapping[str, Any]) -> bytes:
    """The content of config.json."""
    return f"{json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False)}\n".encode()


def _require_finite(folder: Path, weights: Mapping[str, np.ndarray], history: list[dict[str, float]]) -> None:
    """Refuse numbers that cannot be read again."""
    if invalid := next((name for name, array in weights.items() if not is_finite(array)), None):
        raise ModelFolderError(
            f"cannot write {folder}: the weight {invalid} has a value that is not a finite number; train the model "
            "again with a lower learning rate"
        )
    if invalid := next((name for row in history for name, value in row.items() if not math.isfinite(value)), None):
        raise ModelFolderError(f"cannot write {folder}: {invalid} in the history is not finite; train the model again")


def _csv(history: list[dict[str, float]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(history[0]) if history else ["epoch"])
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue().encode()
