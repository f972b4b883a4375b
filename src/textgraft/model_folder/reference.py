"""A sample of what a model computed for texts of its training, with which later texts are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import shake_256
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.data.labels import REGRESSION
from textgraft.errors import ModelFolderError
from textgraft.storage.finite import is_finite
from textgraft.storage.schema import BOOLEAN, Integer, Object
from textgraft.storage.verification import read_bounded

REFERENCE = "reference.bin"
MAX_REFERENCE_BYTES = 2**28
MAX_REFERENCE_TEXTS = 10_000

REFERENCE_SCHEMA = Object(
    {
        "texts": Integer(1, MAX_REFERENCE_TEXTS),
        "dim": Integer(1),
        "labels": Integer(0),  # of all answers together
        "trained": BOOLEAN,
    }
)
_KIB = 2**10
_LARGEST = 127
_PROJECTED = 128


@dataclass(frozen=True)
class Reference:
    """Vectors and answers of n texts.

    Attributes:
        vectors: pooled vectors, projected (see `project_vectors`), int8 (n, dim), each divided by its scale.
        scales: float32 (n,).
        lengths: characters of each text, uint32 (n,).
        label_counts: number of labels of each answer, uint32 (n,): 1, the size of a set, or the number of entities; 0
            for numbers.
        labels: indices of the labels of all answers, one after another, uint32 (total,).
        numbers: answers that are numbers, float64 (n,); zeros for others.
        trained: whether the texts trained the backbone, whose vectors of other texts may differ by that.
    """

    vectors: np.ndarray
    scales: np.ndarray
    lengths: np.ndarray
    label_counts: np.ndarray
    labels: np.ndarray
    numbers: np.ndarray
    trained: bool

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def dim(self) -> int:
        """Width of the vectors."""
        return int(self.vectors.shape[1])

    def restored_vectors(self) -> np.ndarray:
        """The vectors, float32 (n, dim)."""
        return self.vectors.astype(np.float32) * self.scales[:, np.newaxis]  # type: ignore[no-any-return]

    def label_matrix(self, labels: int) -> np.ndarray:
        """How often each of a number of labels is in each answer, float64 (n, labels)."""
        matrix = np.zeros((len(self), labels))
        np.add.at(matrix, (np.repeat(np.arange(len(self)), self.label_counts), self.labels), 1)
        return matrix

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The arrays in the order and the types of the file."""
        return tuple(getattr(self, name).astype(kind) for name, kind in _TYPES.items())


# In the order of the file.
_TYPES = {
    "vectors": "i1", "scales": "<f4", "lengths": "<u4", "label_counts": "<u4", "labels": "<u4", "numbers": "<f8"
}  # fmt: skip


def project_vectors(vectors: np.ndarray) -> np.ndarray:
    """Vectors, float32 (n, dim), as 128 random combinations of their numbers, float32 (n, 128), with a sign for each.

    Distances change by about 10 %, and less of a text can be reconstructed (Achlioptas, 2003). Vectors of at most 128
    numbers stay as they are. The signs are the same for all models.
    """
    dim = vectors.shape[1]
    if dim <= _PROJECTED:
        return vectors
    bits = np.unpackbits(np.frombuffer(shake_256(b"textgraft").digest(dim * _PROJECTED // 8), np.uint8))
    signs = np.where(bits, np.float32(1), np.float32(-1)).reshape(dim, _PROJECTED)
    return vectors @ signs / np.float32(np.sqrt(_PROJECTED))


def to_int8(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors, float32 (n, dim), as int8 and their scales, float32 (n,)."""
    scales = np.abs(vectors).max(axis=1, initial=0).astype(np.float32) / np.float32(_LARGEST)
    divisors = np.where(scales > 0, scales, np.float32(1))[:, np.newaxis]
    return np.rint(vectors / divisors).clip(-_LARGEST, _LARGEST).astype(np.int8), scales


def reference_config(reference: Reference) -> dict[str, Any]:
    """The field of the config: what `REFERENCE_SCHEMA` describes."""
    return {
        "texts": len(reference),
        "dim": reference.dim,
        "labels": len(reference.labels),
        "trained": reference.trained,
    }


def reference_file(reference: Reference) -> bytes:
    """The arrays one after another, little-endian."""
    return b"".join(array.tobytes() for array in reference.arrays)


def read_reference(folder: Path, config: Mapping[str, Any], files: Mapping[str, str]) -> Reference | None:
    """The reference of a folder whose config is checked and whose `files` are verified; None where it has none.

    Raises:
        ModelFolderError: when config and file do not match, or a value is out of range.
    """
    path, header = folder / REFERENCE, config.get("reference")
    if (header is None) != (REFERENCE not in files):
        present, absent = ("config.json", REFERENCE) if header else (REFERENCE, "config.json")
        raise ModelFolderError(f"{folder}: {present} has a reference, {absent} does not; copy the model folder again")
    if header is None:
        return None
    content, expected = read_bounded(path, MAX_REFERENCE_BYTES), _file_bytes(header)
    if len(content) != expected:
        raise ModelFolderError(
            f"{path} has {len(content):,} bytes, its reference takes {expected:,}; copy the model folder again"
        )
    arrays, offset = {}, 0
    for name, kind in _TYPES.items():
        size = _sizes(header)[name]
        arrays[name] = np.frombuffer(content, kind, size, offset)
        offset += size * np.dtype(kind).itemsize
    arrays["vectors"] = arrays["vectors"].reshape(header["texts"], header["dim"])
    reference = Reference(**arrays, trained=header["trained"])
    if problem := _invalid(reference, config):
        raise ModelFolderError(f"{path}: {problem}; copy the model folder again")
    return reference


def describe_reference(header: Mapping[str, Any]) -> str:
    """The field of the config in a few words, with the size of the file."""
    return f"vectors and answers of {header['texts']:,} texts ({_file_bytes(header) / _KIB:,.0f} KiB)"


def _sizes(header: Mapping[str, Any]) -> dict[str, int]:
    """The number of values of each array."""
    texts = header["texts"]
    return {**dict.fromkeys(_TYPES, texts), "vectors": texts * header["dim"], "labels": header["labels"]}


def _file_bytes(header: Mapping[str, Any]) -> int:
    return sum(size * np.dtype(_TYPES[name]).itemsize for name, size in _sizes(header).items())


def _invalid(reference: Reference, config: Mapping[str, Any]) -> str:
    """What is wrong with the values; empty where nothing is."""
    settings = config["settings"]
    labels = len(settings.get("labels", ()))
    if not (is_finite(reference.scales) and is_finite(reference.numbers)):
        return "a value is not a finite number"
    if (reference.scales < 0).any():
        return "a scale is below 0"
    if int(reference.label_counts.sum(dtype=np.uint64)) != len(reference.labels):
        return "the labels of the answers are not as many as their counts"
    if (reference.labels >= labels).any():
        return f"a label is not one of {labels}"
    is_number = settings.get("problem") == REGRESSION
    return "an answer is a number, but the model predicts labels" if reference.numbers.any() and not is_number else ""
