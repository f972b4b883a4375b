"""Vectors and texts of a training in a model folder, among which those nearest to another text are found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from textgraft.errors import ModelFolderError
from textgraft.storage.disk import disk_errors
from textgraft.storage.finite import is_finite
from textgraft.storage.schema import Integer, Object

INDEX = "text_index.bin"
MAX_INDEX_TEXTS = 2**20
MAX_INDEX_BYTES = 2**31

# Of a text, beyond which it is shortened.
_MAX_CHARACTERS = 1000
_LEVELS = 127  # of a component of either sign
_COLUMNS = ("text", "pair", "label")
_KB = 1000

INDEX_SCHEMA = Object(
    {
        "texts": Integer(1, MAX_INDEX_TEXTS),
        "dim": Integer(1),
        "bytes": Object({"text": Integer(0)}, dict.fromkeys(_COLUMNS[1:], Integer(0))),
    }
)


class Neighbour(NamedTuple):
    """A training text, its label as a string ("" where it has none), and the cosine of its vector and another one."""

    text: str | tuple[str, str]
    label: str
    similarity: float


@dataclass(frozen=True)
class Strings:
    """Strings in one array: their UTF-8 bytes, uint8 (total,), and the number of bytes of each, uint32 (n,)."""

    content: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, strings: Iterable[bytes]) -> "Strings":
        """Store strings, of which long ones are shortened."""
        short = [_shorten(string) for string in strings]
        return cls(np.frombuffer(b"".join(short), np.uint8), np.array([*map(len, short)], np.uint32))

    def __getitem__(self, row: int) -> str:
        """A string; what is not UTF-8 in it is replaced."""
        end = int(self._ends[row])
        return self.content[end - int(self.lengths[row]) : end].tobytes().decode(errors="replace")

    @cached_property
    def _ends(self) -> np.ndarray:
        return np.cumsum(self.lengths, dtype=np.int64)


@dataclass(frozen=True)
class TextIndex:
    """Vectors of training texts, quantized, with the texts.

    Attributes:
        vectors: int8 (n, dim).
        scales: float32 (n,); their products with the vectors have about length 1, or are zeros.
        columns: "text" and, where the model has them, "pair" and "label", n strings each.
    """

    vectors: np.ndarray
    scales: np.ndarray
    columns: Mapping[str, Strings]

    def __len__(self) -> int:
        return len(self.scales)

    @property
    def nbytes(self) -> int:
        """Size of its file."""
        columns = sum(strings.content.nbytes + strings.lengths.nbytes for strings in self.columns.values())
        return self.vectors.nbytes + self.scales.nbytes + columns


def quantize_vectors(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vectors of an index and their scales from vectors, float32 (n, dim), whose largest components become 127."""
    units = normalize_rows(vectors)
    scales = (np.abs(units).max(axis=1) / _LEVELS).astype(np.float32)
    steps = units / np.maximum(scales, np.finfo(np.float32).tiny)[:, np.newaxis]
    return np.rint(steps).astype(np.int8), scales


def normalize_rows(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, dim) divided by their Euclidean lengths; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: np.ndarray = vectors / np.where(lengths > 0, lengths, 1)
    return units


def index_config(index: TextIndex) -> dict[str, Any]:
    """The field of the config: what `INDEX_SCHEMA` describes."""
    sizes = {name: len(strings.content) for name, strings in index.columns.items()}
    return {"texts": len(index), "dim": int(index.vectors.shape[1]), "bytes": sizes}


def index_file(index: TextIndex) -> bytes:
    """Vectors, scales, and the lengths and content of each column, one after another, little-endian."""
    arrays = [index.vectors, index.scales.astype("<f4")]
    for name in _names(index.columns):
        arrays += [index.columns[name].lengths.astype("<u4"), index.columns[name].content]
    return b"".join(array.tobytes() for array in arrays)


def read_index(folder: Path, config: Mapping[str, Any], files: Mapping[str, str]) -> TextIndex | None:
    """The index of a folder whose config is checked and whose `files` are verified; None where it has none.

    Vectors and texts stay in the file until they are used.

    Raises:
        ModelFolderError: when config and file do not match, or a number is not valid.
    """
    path, header = folder / INDEX, config.get("text_index")
    if (header is None) != (INDEX not in files):
        present, absent = ("config.json", INDEX) if header else (INDEX, "config.json")
        raise ModelFolderError(
            f"{folder}: {present} has training texts, {absent} does not; copy the model folder again"
        )
    if header is None:
        return None
    texts, dim, sizes = header["texts"], header["dim"], header["bytes"]
    with disk_errors("read", path):
        content = np.memmap(path, np.uint8, "r")
    expected = texts * (dim + 4 + 4 * len(sizes)) + sum(sizes.values())
    if len(content) != expected:
        raise ModelFolderError(
            f"{path} has {len(content):,} bytes, its texts and vectors take {expected:,}; copy the model folder again"
        )
    arrays = _Parts(content)
    vectors, scales = arrays.take(texts * dim).view(np.int8).reshape(texts, dim), arrays.take(4 * texts).view("<f4")
    columns = {}
    for name in _names(sizes):
        lengths = arrays.take(4 * texts).view("<u4")
        columns[name] = Strings(arrays.take(sizes[name]), lengths)
        if int(lengths.sum(dtype=np.int64)) != sizes[name]:
            raise ModelFolderError(f"{path}: the lengths of the column {name} are wrong; copy the model folder again")
    if not is_finite(scales) or (scales < 0).any():
        raise ModelFolderError(f"{path}: a scale is not a finite number of at least 0; copy the model folder again")
    return TextIndex(vectors, scales, columns)


def describe_index(header: Mapping[str, Any]) -> str:
    """The field of the config in a few words, with the size of the file."""
    sizes = header["bytes"]
    vectors, texts = header["texts"] * (header["dim"] + 4), sum(sizes.values()) + 4 * header["texts"] * len(sizes)
    text_size, vector_size = (f"{size / _KB:,.0f} kB" for size in (texts, vectors))
    return f"{header['texts']:,} training texts ({text_size}) and their vectors in int8 ({vector_size})"


def why_no_index(pooled: bool, labelled: bool) -> str:
    """Why a model keeps no training texts; empty where it can: classifiers have a vector for each text."""
    return "" if pooled and labelled else "only classifiers, sets of labels and numbers have a vector for each text"


class _Parts:
    """Consecutive parts of an array."""

    def __init__(self, content: np.ndarray) -> None:
        self._content, self._start = content, 0

    def take(self, size: int) -> np.ndarray:
        """The next bytes."""
        self._start += size
        return self._content[self._start - size : self._start]


def _names(columns: Iterable[str]) -> list[str]:
    present = set(columns)
    return [name for name in _COLUMNS if name in present]


def _shorten(string: bytes) -> bytes:
    if len(string) <= _MAX_CHARACTERS:
        return string
    text = string.decode()
    return string if len(text) <= _MAX_CHARACTERS else f"{text[:_MAX_CHARACTERS]}\u2026".encode()
