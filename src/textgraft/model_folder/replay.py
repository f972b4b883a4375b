"""Embeddings of training texts in a model folder, which a later training with further labels replays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.data.labels import SINGLE
from textgraft.data.seen_texts import TRAIN, VALIDATION
from textgraft.errors import ModelFolderError
from textgraft.storage.finite import is_finite
from textgraft.storage.schema import BOOLEAN, Integer, Object
from textgraft.storage.verification import read_bounded
from textgraft.storage.weights_file import Shape

REPLAY = "replay.bin"
MAX_REPLAY_BYTES = 2**30
REPLAYED_SETS = (TRAIN, VALIDATION)

_KERNEL = "head/logits/kernel"
_MIB = 2**20

REPLAY_SCHEMA = Object(
    {
        "per_label": Integer(1),
        "dim": Integer(1),
        "trained_backbone": BOOLEAN,
        "embeddings": Object(dict.fromkeys(REPLAYED_SETS, Integer(0))),
    }
)


@dataclass(frozen=True)
class Embeddings:
    """Pooled vectors of texts, the input of a head, with their labels.

    Attributes:
        vectors: float16 (n, dim).
        targets: indices of labels, uint32 (n,).
        weights: the number of texts that each row represents, float32 (n,).
    """

    vectors: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays in the order and the types of the file."""
        return self.vectors.astype("<f2"), self.targets.astype("<u4"), self.weights.astype("<f4")


def no_embeddings(dim: int) -> Embeddings:
    """No rows of vectors with `dim` numbers."""
    return Embeddings(np.empty((0, dim), np.float16), np.empty(0, np.uint32), np.empty(0, np.float32))


@dataclass(frozen=True)
class Replay:
    """The embeddings of a model.

    Attributes:
        per_label: maximum number of embeddings of each label in each set.
        trained_backbone: whether the texts of "train" trained the backbone too, so that they validate no head.
        sets: "train" and "validation".
    """

    per_label: int
    trained_backbone: bool
    sets: Mapping[str, Embeddings]

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.sets[TRAIN].vectors.shape[1])


def replay_config(replay: Replay) -> dict[str, Any]:
    """The field of the config: what `REPLAY_SCHEMA` describes."""
    return {
        "per_label": replay.per_label,
        "dim": replay.dim,
        "trained_backbone": replay.trained_backbone,
        "embeddings": {name: len(replay.sets[name]) for name in REPLAYED_SETS},
    }


def replay_file(replay: Replay) -> bytes:
    """The arrays of each set, one after another, little-endian."""
    return b"".join(array.tobytes() for name in REPLAYED_SETS for array in replay.sets[name].arrays)


def read_replay(
    folder: Path, config: Mapping[str, Any], files: Mapping[str, str], shapes: Mapping[str, Shape]
) -> Replay | None:
    """The embeddings of a folder whose config is checked and whose `files` are verified; None where it has none.

    Raises:
        ModelFolderError: when config, file and the `shapes` of the weights do not match, or a value is out of range.
    """
    path, header = folder / REPLAY, config.get("replay")
    if (header is None) != (REPLAY not in files):
        present, absent = ("config.json", REPLAY) if header else (REPLAY, "config.json")
        raise ModelFolderError(f"{folder}: {present} has embeddings, {absent} does not; copy the model folder again")
    if header is None:
        return None
    dim, counts = header["dim"], header["embeddings"]
    if dim != shapes[_KERNEL][0]:
        raise ModelFolderError(
            f"{path} has embeddings of {dim:,} numbers, the head takes {shapes[_KERNEL][0]:,}; copy the model folder "
            "again"
        )
    content, expected = read_bounded(path, MAX_REPLAY_BYTES), sum(counts.values()) * _row_bytes(dim)
    if len(content) != expected:
        raise ModelFolderError(
            f"{path} has {len(content):,} bytes, its embeddings take {expected:,}; copy the model folder again"
        )
    sets, offset = {}, 0
    for name in REPLAYED_SETS:
        end = offset + counts[name] * _row_bytes(dim)
        sets[name] = _parse(content[offset:end], counts[name], dim)
        offset = end
        if problem := _invalid(sets[name], len(config["settings"]["labels"])):
            raise ModelFolderError(f"{path}: {problem}; copy the model folder again")
    return Replay(header["per_label"], header["trained_backbone"], sets)


def describe_replay(header: Mapping[str, Any]) -> str:
    """The field of the config in a few words, with the size of the file."""
    embeddings = sum(header["embeddings"].values())
    size = embeddings * _row_bytes(header["dim"]) / _MIB
    return (
        f"{embeddings:,} embeddings of texts ({size:.1f} MiB), at most {header['per_label']:,} of each label in a set"
    )


def why_not_extended(config: Mapping[str, Any]) -> str:
    """Why a model with this config is not extended by further labels or texts; empty where it can be."""
    settings = config["settings"]
    if config["task"] != "text-classification":
        return f"it is a model for {config['task']}, and only classifiers are extended"
    if problem := why_no_replay(settings, config["architecture"]):
        return problem
    return "" if "fit" in config or config.get("zero_shot") else "it is not trained"


def why_no_replay(settings: Mapping[str, Any], architecture: Mapping[str, Any]) -> str:
    """Why a classifier with these settings cannot be trained on replayed embeddings; empty where it can."""
    if (problem := settings.get("problem", SINGLE)) != SINGLE:
        return f"its kind of label is {problem}, and only single labels are replayed"
    return "its head has hidden layers, and only a head of one layer is extended" if architecture["hidden"] else ""


def _row_bytes(dim: int) -> int:
    return 2 * dim + 4 + 4


def _parse(content: bytes, rows: int, dim: int) -> Embeddings:
    ends = np.cumsum([2 * rows * dim, 4 * rows])
    vectors, targets, weights = content[: ends[0]], content[ends[0] : ends[1]], content[ends[1] :]
    return Embeddings(
        np.frombuffer(vectors, "<f2").reshape(rows, dim),
        np.frombuffer(targets, "<u4"),
        np.frombuffer(weights, "<f4"),
    )


def _invalid(rows: Embeddings, labels: int) -> str:
    """What is wrong with the values; empty where nothing is."""
    if not (is_finite(rows.vectors) and is_finite(rows.weights)):
        return "a value is not a finite number"
    if (rows.weights <= 0).any():
        return "a weight is not above 0"
    return f"a label is not one of {labels}" if (rows.targets >= labels).any() else ""
