"""What a network is fed with, held compactly: token ids of all texts, or their stored vectors; and their targets."""

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import tensorflow as tf

from textgraft.errors import TrainingError
from textgraft.text.graph import TextGraph
from textgraft.text.packing import Packed
from textgraft.training.id_cache import IdCache
from textgraft.training.ragged import Ragged, Rows, spec_of, tensor_of

_PIECE = 256  # texts that go through the text graph at once


class Inputs(Protocol):
    """Rows that can be fed to a network in any order.

    Attributes:
        spec: type of a batch, of any size; nested as a batch is.
        lengths: int64 (n,), the cost of each row.
    """

    spec: Any
    lengths: np.ndarray

    def __len__(self) -> int:
        """Number of rows."""

    def batch(self, rows: np.ndarray) -> Any:
        """The rows with these indices, in this order: a tensor, or several."""


class TokenInputs(Inputs, Protocol):
    """Rows that begin as token ids.

    Attributes:
        tokens: the ids, in the order of the rows.
    """

    @property
    def tokens(self) -> "TokenIds":
        """The ids, in the order of the rows."""

    def part(self, rows: slice) -> Self:
        """The rows of a slice with a start and a stop."""

    def over(self, stored: Inputs) -> Inputs:
        """These rows with something else in place of the ids, a row for a row."""


@dataclass
class TruncationCount:
    """What truncation took.

    Attributes:
        texts: how many were cut.
        tokens: how many they lost in all.
    """

    texts: int = 0
    tokens: int = 0

    def add(self, other: "TruncationCount") -> None:
        """Count more texts."""
        self.texts += other.texts
        self.tokens += other.tokens


class TokenIds:
    """Token ids of all texts, end to end in one array: 4 bytes a token, 8 a text.

    Attributes:
        ids: int32 (total,), all rows end to end.
        truncated: what it took from these texts.
    """

    spec: Any = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, truncated: TruncationCount) -> None:
        """Hold packed rows.

        Args:
            ids: int32 (total,), all rows end to end.
            lengths: int64 (n,), tokens of each row.
            truncated: what it took.
        """
        self.lengths = lengths
        self.truncated = truncated
        self.ids = ids
        self._rows = Ragged(ids, lengths)

    @classmethod
    def of(cls, texts: Iterable[np.ndarray], graph: TextGraph, kept: IdCache | None = None) -> Self:
        """Run the text graph once over bounded batches of texts.

        Args:
            texts: object arrays of UTF-8 bytes.
            graph: turns them into packed rows.
            kept: of this graph; None to keep nothing between runs.
        """
        (ids, lengths), truncated = packed(texts, graph.compiled, _ids_and_lengths, (np.int32, np.int64), kept)
        return cls(ids, lengths, truncated)

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.lengths)

    @property
    def tokens(self) -> "TokenIds":
        """Themselves."""
        return self

    def over(self, stored: Inputs) -> Inputs:
        """What is stored."""
        return stored

    def part(self, rows: slice) -> Self:
        """The texts of a slice with a start and a stop; nothing is copied."""
        part = self._rows[rows]
        return type(self)(part.values, part.lengths, TruncationCount())

    def digest(self, salt: bytes) -> str:
        """SHA-256 of all ids, after some other bytes."""
        digest = sha256(salt)
        for array in self.arrays:
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All that tells these texts from others."""
        return self.lengths, self.ids

    def batch(self, rows: np.ndarray) -> Any:
        """Int32 ragged (b, None)."""
        return self._rows[rows].tensor()


def packed(
    texts: Iterable[np.ndarray],
    graph: Callable[[tf.Tensor], Packed],
    arrays_of: Callable[[Packed], tuple[np.ndarray, ...]],
    dtypes: Sequence[Any],
    kept: IdCache | None = None,
) -> tuple[list[np.ndarray], TruncationCount]:
    """Run a compiled text graph over all texts, a few at a time.

    Args:
        texts: object arrays of UTF-8 bytes.
        graph: turns a tensor of some of them into packed rows.
        arrays_of: what is taken of these.
        dtypes: of each of these arrays.
        kept: of this graph; None to keep nothing between runs.

    Returns:
        each array, over all texts end to end, and what truncation took.
    """

    def run(batches: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, ...]]:
        return _parts(batches, lambda rows: (*arrays_of(rows), rows.dropped.numpy()), graph)

    parts: list[Sequence[np.ndarray]] = [[*(np.empty(0, dtype) for dtype in dtypes), np.empty(0, np.int32)]]
    if kept:
        parts += (kept.arrays(batch, lambda some: _end_to_end(run([some]))) for batch in texts)
    else:
        parts += run(texts)
    *arrays, dropped = _end_to_end(parts)
    return arrays, TruncationCount(int(np.count_nonzero(dropped)), int(dropped.sum(dtype=np.int64)))


def _end_to_end(parts: Iterable[Sequence[np.ndarray]]) -> list[np.ndarray]:
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _ids_and_lengths(rows: Packed) -> tuple[np.ndarray, np.ndarray]:
    return rows.token_ids.values.numpy(), rows.token_ids.row_lengths().numpy()


def _parts(
    texts: Iterable[np.ndarray],
    arrays_of: Callable[[Packed], tuple[np.ndarray, ...]],
    graph: Callable[[tf.Tensor], Packed],
) -> Iterator[tuple[np.ndarray, ...]]:
    """The arrays of a few texts after the other; some on each core at a time."""

    def run(batch: np.ndarray) -> tuple[np.ndarray, ...]:
        return arrays_of(graph(tf.constant(batch, tf.string)))

    cores = os.cpu_count() or 1
    pieces = (batch[start : start + _PIECE] for batch in texts for start in range(0, len(batch), _PIECE))
    with ThreadPoolExecutor(cores) as pool:
        while some := list(islice(pieces, 4 * cores)):
            yield from pool.map(run, some)


class Vectors:
    """One vector per text, in a file without a name: however the process ends, its room is free again.

    Attributes:
        values: float32 (n, dim), mapped from the file.
    """

    def __init__(self, rows: int, dim: int) -> None:
        """Lay out float32 (rows, dim)."""
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as this object)
        self._file.truncate(max(1, 4 * rows * dim))
        self.values = np.memmap(self._file, np.float32, "r", shape=(rows, dim))
        self.spec = tf.TensorSpec([None, dim], tf.float32)
        self.lengths = np.ones(rows, np.int64)

    def put(self, rows: slice, vectors: np.ndarray) -> None:
        """Store the vectors, float32 (b, dim), of these rows.

        Raises:
            TrainingError: when the disk is full; written through the map, that would end the process.
        """
        try:
            self._file.seek(rows.start * self.values.strides[0])
            self._file.write(np.asarray(vectors, np.float32).tobytes())
            self._file.flush()
        except OSError as error:
            raise TrainingError(
                f"{tempfile.gettempdir()}: vectors cannot be stored: {error.strerror}; name a larger disk in TMPDIR"
            ) from error

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.lengths)

    def batch(self, rows: np.ndarray) -> tf.Tensor:
        """Float32 (b, dim)."""
        return tf.constant(self.values[rows])


Fed = TypeVar("Fed", bound=Inputs, covariant=True)


class Examples(Generic[Fed]):
    """Inputs with their targets; inputs themselves, whose batches have both.

    Attributes:
        inputs: rows.
        targets: in the order of the rows.
        weights: int64 (n,), how many predictions each row is judged by: 1 for a text with a label.
        sample_size: of how many independent sample_size a score over all rows is the mean.
        notices: lines that the user should see.
        sampling_weights: float (n,), how often each row comes in an epoch of training; None for once.
    """

    def __init__(
        self,
        inputs: Fed,
        targets: Rows,
        weights: np.ndarray | None = None,
        sample_size: int | None = None,
        notices: Sequence[str] = (),
        sampling_weights: np.ndarray | None = None,
    ) -> None:
        """Join inputs and targets.

        Args:
            inputs: rows.
            targets: (n, ...) or ragged.
            weights: see `Examples`; ones by default.
            sample_size: see `Examples`; one per row by default.
            notices: see `Examples`.
            sampling_weights: see `Examples`.
        """
        self.notices = tuple(notices)
        self.inputs, self.targets = inputs, targets
        self.weights = np.ones(len(inputs), np.int64) if weights is None else weights
        self.sample_size = len(inputs) if sample_size is None else sample_size
        self.sampling_weights = sampling_weights
        self.spec = (inputs.spec, spec_of(targets))
        self.lengths = inputs.lengths

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.inputs)

    def batch(self, rows: np.ndarray) -> tuple[Any, tf.Tensor | tf.RaggedTensor]:
        """Inputs and targets."""
        return self.inputs.batch(rows), tensor_of(self.targets[rows])

    def begin(self, epoch: int) -> None:
        """Be what an epoch of training, counted from 0, takes; most examples are the same in all."""

    def part(self: "Examples[TokenInputs]", rows: slice) -> "Examples[TokenInputs]":
        """The rows of a slice with a start and a stop."""
        sampling_weights = None if self.sampling_weights is None else self.sampling_weights[rows]
        return Examples(
            self.inputs.part(rows), self.targets[rows], self.weights[rows], sampling_weights=sampling_weights
        )

    def over(self: "Examples[TokenInputs]", stored: Inputs) -> "Examples[Inputs]":
        """The same with something else in place of the token ids, a row for a row."""
        return Examples(
            self.inputs.over(stored),
            self.targets,
            self.weights,
            self.sample_size,
            sampling_weights=self.sampling_weights,
        )
