"""The files of a model folder; reading and verification. `writing.py` writes them."""

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from textgraft.errors import ModelFolderError, warn
from textgraft.model_folder.config import check_config, check_files, mismatch
from textgraft.model_folder.golden import GOLDEN, MAX_GOLDEN_BYTES, read_golden
from textgraft.model_folder.ngrams import check_ngrams
from textgraft.model_folder.reference import MAX_REFERENCE_BYTES, REFERENCE, read_reference
from textgraft.model_folder.replay import MAX_REPLAY_BYTES, REPLAY, read_replay
from textgraft.model_folder.seen_texts import MAX_SEEN_BYTES, SEEN, read_seen
from textgraft.model_folder.text_index import INDEX, MAX_INDEX_BYTES, read_index
from textgraft.model_folder.versions import migrate
from textgraft.storage.disk import reason_of
from textgraft.storage.replacement import recover_to_read
from textgraft.storage.schema import parse_json
from textgraft.storage.verification import is_altered, read_bounded, read_manifest, verify_folder
from textgraft.storage.weights_file import require_finite, tensor_shapes

CONFIG, WEIGHTS, HISTORY, CARD = "config.json", "model.safetensors", "history.csv", "README.md"
REPORT = "report.html"

# Maximum sizes in bytes; all other files are the tokenizer's. JSON can take 40 times its size in memory.
MAX_BYTES = {
    CONFIG: 5 * 2**20,
    HISTORY: 2 * 2**20,
    CARD: 8 * 2**20,
    REPORT: 32 * 2**20,
    WEIGHTS: 2**63,
    GOLDEN: MAX_GOLDEN_BYTES,
    SEEN: MAX_SEEN_BYTES,
    REPLAY: MAX_REPLAY_BYTES,
    INDEX: MAX_INDEX_BYTES,
    REFERENCE: MAX_REFERENCE_BYTES,
}
MAX_ASSET_BYTES = 128 * 2**20


class StoredModel:
    """A verified model folder whose weights are not read yet.

    Attributes:
        folder: its path.
        sha256: SHA-256 of each file by name.
        config: content of config.json, in the format of this version.
        written_version: the format version of the folder.
        edited_card: whether README.md was edited.
        history: rows of history.csv.
        golden: answers of the model when it was saved; None where the folder has none.
        seen: digests of the texts of its training; None where the folder has none.
        replay: embeddings of its training texts; None where the folder has none.
        index: training texts with their vectors; None where the folder has none.
        reference: vectors and answers of texts of its training; None where the folder has none.
    """

    def __init__(self, folder: Path, sha256: Mapping[str, str]) -> None:
        """Read a folder whose hashes are verified.

        Raises:
            ModelFolderError: when a file is malformed, has another format version, or does not fit the others.
        """
        self.folder, self.sha256 = folder, sha256
        written = parse_json(read_bounded(folder / CONFIG, MAX_BYTES[CONFIG]), folder / CONFIG)
        config = migrate(written, folder)
        check_config(config, folder / CONFIG)
        self._shapes = tensor_shapes(folder / WEIGHTS)
        check_files(config, self._shapes, folder)
        self.config, self.written_version = config, int(written["format_version"])
        self.edited_card = CARD in sha256 and is_altered(folder / CARD, sha256[CARD])
        if self.edited_card:
            warn(f"{folder / CARD} was edited; nothing is read from it")
        self.history = _read_history(folder / HISTORY)
        self.golden = read_golden(folder, sha256)
        self.seen = read_seen(folder, config, sha256)
        self.replay = read_replay(folder, config, sha256, self._shapes)
        self.index = read_index(folder, config, sha256)
        self.reference = read_reference(folder, config, sha256)
        require_finite(folder / WEIGHTS)
        if "ngrams" in config:
            check_ngrams(folder / WEIGHTS)

    def assign(self, variables: Mapping[str, Any], prefix: str = "") -> None:
        """Set variables (`keras.Variable`) to the stored weights that have a prefix.

        Names and shapes are compared before any value is read.

        Raises:
            ModelFolderError: when names or shapes differ, or the folder was replaced since it was verified.
        """
        self._check_weights(variables, prefix)
        path = self.folder / WEIGHTS
        try:
            with safe_open(path, framework="np") as weights:
                for name, variable in variables.items():
                    variable.assign(weights.get_tensor(name))
        except (SafetensorError, ValueError) as error:
            raise ModelFolderError(f"{path} is damaged: {error}; copy the model folder again") from error
        if read_manifest(self.folder) != self.sha256:
            raise ModelFolderError(f"{self.folder} was replaced while it was read; read it again")

    def _check_weights(self, variables: Mapping[str, Any], prefix: str) -> None:
        """Raise a ModelFolderError for a stored weight with a prefix that is missing, left over or of another shape."""
        stored = {name: shape for name, shape in self._shapes.items() if name.startswith(prefix)}
        for name, variable in variables.items():
            shape = stored.pop(name, None)
            if shape != tuple(variable.shape):
                raise mismatch(self.folder, name, tuple(variable.shape), shape)
        for name, shape in stored.items():
            raise mismatch(self.folder, name, None, shape)


def read(folder: Path) -> StoredModel:
    """Verify and open a model folder; no code from it is run, and TensorFlow is not imported.

    Raises:
        ModelFolderError: when it is not a model folder, damaged, of another format version, or its parts do not fit.
        BusyError: when another process is replacing it, for longer than usual.
    """
    recover_to_read(folder)
    if not os.path.isdir(folder):  # noqa: PTH112  (False without permission, too)
        raise ModelFolderError(f"{folder} is not a folder; pass a model folder")
    try:
        return StoredModel(folder, verify_folder(folder, lambda name: MAX_BYTES.get(name, MAX_ASSET_BYTES)))
    except OSError as error:
        raise ModelFolderError(f"cannot read {folder}: {reason_of(error, folder)}") from error


def _read_history(path: Path) -> list[dict[str, float]]:
    try:
        rows = csv.reader(io.StringIO(read_bounded(path, MAX_BYTES[HISTORY]).decode(), newline=""), strict=True)
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
