"""Writing of model folders; `folder.py` has the names of their files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textgraft.backbones.family import load_family
from textgraft.errors import ModelFolderError
from textgraft.model_folder.card import write_card
from textgraft.model_folder.folder import CARD, CONFIG, HISTORY, MAX_ASSET_BYTES, MAX_BYTES, WEIGHTS, StoredModel
from textgraft.model_folder.golden import GOLDEN, GoldenAnswers, golden_file
from textgraft.storage import folders
from textgraft.storage.finite import is_finite
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.syncing import FileContent
from textgraft.storage.verification import REMOVABLE_FILES, verify_folder

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
        files[CONFIG] = [_json(config)]
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


def store_proofs(stored: StoredModel, proofs: Sequence[Mapping[str, Any]]) -> None:
    """Write proofs of int8 into a model folder, in place of those that it has.

    Raises:
        ModelFolderError: when the folder was altered since it was verified, or cannot be written.
    """
    _replace_files(stored, {CONFIG: _json({**stored.config, "int8": [*proofs]})}, stored.folder, overwrite=True)


def rewrite_folder(
    stored: StoredModel, config: dict[str, Any], target: Path, overwrite: bool, golden: GoldenAnswers | None = None
) -> None:
    """Write a model folder with another config, a card of that unless it was edited, and golden answers if there are.

    Raises:
        ModelFolderError: when the folder was altered since it was verified, or the target cannot be written.
    """
    files = {CONFIG: _json(config)}
    files |= {} if stored.edited_card else {CARD: write_card(config).encode()}
    files |= {} if golden is None else {GOLDEN: golden_file(golden)}
    _replace_files(stored, files, target, overwrite)


def _replace_files(stored: StoredModel, replaced: Mapping[str, bytes], target: Path, overwrite: bool) -> None:
    verify_folder(stored.folder)
    files: dict[str, FileContent] = {name: [content] for name, content in _present_files(stored)}
    folders.write_folder(target, {**files, **{name: [content] for name, content in replaced.items()}}, overwrite)


def _present_files(stored: StoredModel) -> Iterator[tuple[str, bytes]]:
    """Name and content of each file; those that may be removed can be absent."""
    for name in stored.sha256:
        path = stored.folder / name
        if name not in REMOVABLE_FILES or path.exists():
            yield name, path.read_bytes()


def store_settings(stored: StoredModel, settings: Mapping[str, Any], golden: GoldenAnswers | None) -> None:
    """Write other settings of a task into a model folder, with the golden answers of the model that has them.

    Raises:
        ModelFolderError: when the folder was altered since it was verified, or cannot be written.
    """
    rewrite_folder(stored, {**stored.config, "settings": dict(settings)}, stored.folder, True, golden)


def _json(config: Mapping[str, Any]) -> bytes:
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
