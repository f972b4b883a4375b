"""What a network is fed with, held compactly: token ids of all texts, or their stored vectors."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf

from textgraft.text.graph import TextGraph

_PIECE = 256  # texts that go through the text graph at once


class Inputs(Protocol):
    """Rows that can be fed to a network in any order.

    Attributes:
        spec: type of a batch, of any size.
        lengths: int64 (n,), the cost of each row.
    """

    spec: tf.TypeSpec
    lengths: np.ndarray

    def __len__(self) -> int:
        """Number of rows."""

    def batch(self, rows: np.ndarray) -> tf.Tensor | tf.RaggedTensor:
        """The rows with these indices, in this order."""


@dataclass
class Truncation:
    """What truncation took.

    Attributes:
        texts: how many were cut.
        tokens: how many they lost in all.
    """

    texts: int = 0
    tokens: int = 0

    def add(self, other: "Truncation") -> None:
        """Count more texts."""
        self.texts += other.texts
        self.tokens += other.tokens


class TokenIds:
    """Token ids of all texts, end to end in one array: 4 bytes a token, 8 a text.

    Attributes:
        ids: int32 (total,), all rows end to end.
        truncation: what it took from these texts.
    """

    spec = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, truncation: Truncation) -> None:
        """Hold packed rows.

        Args:
            ids: int32 (total,), all rows end to end.
            lengths: int64 (n,), tokens of each row.
            truncation: what it took.
        """
        self.lengths = lengths
        self.truncation = truncation
        self.ids = ids
        self._offsets = np.concatenate([[0], np.cumsum(lengths)])

    @classmethod
    def of(cls, texts: Iterable[np.ndarray], graph: TextGraph) -> "TokenIds":
        """Run the text graph once over bounded batches of texts.

        Args:
            texts: object arrays of UTF-8 bytes.
            graph: turns them into packed rows.
        """
        parts = [(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int32))]
        parts += _packed(texts, graph)
        ids, lengths, dropped = (np.concatenate(column) for column in zip(*parts, strict=True))
        return cls(ids, lengths, Truncation(int(np.count_nonzero(dropped)), int(dropped.sum(dtype=np.int64))))

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.lengths)

    def part(self, rows: slice) -> "TokenIds":
        """The texts of a slice with a start and a stop; nothing is copied."""
        ids = self.ids[self._offsets[rows.start] : self._offsets[rows.stop]]
        return TokenIds(ids, self.lengths[rows], Truncation())

    def digest(self, salt: bytes) -> str:
        """SHA-256 of all ids, after some other bytes."""
        digest = sha256(salt)
        for array in (self.lengths, self.ids):
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()

    def batch(self, rows: np.ndarray) -> tf.RaggedTensor:
        """Int32 ragged (b, None)."""
        ids = np.concatenate([self.ids[self._offsets[row] : self._offsets[row + 1]] for row in rows])
        return tf.RaggedTensor.from_row_lengths(ids, self.lengths[rows], validate=False)


def _packed(texts: Iterable[np.ndarray], graph: TextGraph) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Ids end to end, lengths and dropped tokens of a few texts after the other; some on each core at a time."""

    def run(batch: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        packed = graph.compiled(tf.constant(batch, tf.string))
        return packed.token_ids.flat_values.numpy(), packed.token_ids.row_lengths().numpy(), packed.dropped.numpy()

    cores = os.cpu_count() or 1
    pieces = (batch[start : start + _PIECE] for batch in texts for start in range(0, len(batch), _PIECE))
    with ThreadPoolExecutor(cores) as pool:
        while some := list(islice(pieces, 4 * cores)):
            yield from pool.map(run, some)


class Vectors:
    """One vector per text, in a temporary file that goes with this object.

    Attributes:
        values: float32 (n, dim), mapped from the file.
    """

    def __init__(self, rows: int, dim: int) -> None:
        """Make room for float32 (rows, dim)."""
        self._folder = tempfile.TemporaryDirectory(prefix="textgraft-")
        self.values = np.lib.format.open_memmap(
            Path(self._folder.name) / "vectors.npy", mode="w+", dtype=np.float32, shape=(rows, dim)
        )
        self.spec = tf.TensorSpec([None, dim], tf.float32)
        self.lengths = np.ones(rows, np.int64)

    def put(self, rows: slice, vectors: np.ndarray) -> None:
        """Store the vectors (b, dim) of these rows."""
        self.values[rows] = vectors

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.lengths)

    def batch(self, rows: np.ndarray) -> tf.Tensor:
        """Float32 (b, dim)."""
        return tf.constant(self.values[rows])
