"""Token ids of all texts, held in flat arrays."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

import numpy as np
import tensorflow as tf

from textgraft.data.bounds import ROW_BYTES, bounded_windows, window_slices
from textgraft.runtime import require_own_process, thread_pool
from textgraft.storage.array_cache import ArraySpec
from textgraft.text.packing import Packed, TextGraph
from textgraft.training.examples import Inputs
from textgraft.training.id_cache import IdCache
from textgraft.training.ragged import Ragged, row_lengths

# Of a call of the text graph, whose tensors take up to 150 times the bytes of the texts.
_TEXTS_PER_CALL = 256
_BYTES_PER_CALL = ROW_BYTES + (1 << 19)
# Of the calls that wait for a core or are running; a text of the largest size is among them with little else.
_CORES = os.cpu_count() or 1
_CALLS_AT_ONCE = 4 * _CORES
_BYTES_AT_ONCE = ROW_BYTES + (1 << 20) * _CORES


@dataclass
class TruncationCount:
    """Number of truncated texts, and of their dropped tokens."""

    texts: int = 0
    tokens: int = 0

    def add(self, other: "TruncationCount") -> None:
        """Add the counts of other texts."""
        self.texts += other.texts
        self.tokens += other.tokens


class TokenIds:
    """Token ids of texts: 4 bytes per token, 8 per text.

    Attributes:
        ids: int32 (total,), the concatenated rows.
        lengths: int64 (n,), tokens per row.
        truncated: effect of truncation on these texts.
    """

    spec: Any = tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1)

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, truncated: TruncationCount) -> None:
        self.ids, self.lengths, self.truncated = ids, lengths, truncated
        self._rows = Ragged(ids, lengths)

    @classmethod
    def from_texts(cls, texts: Iterable[np.ndarray], graph: TextGraph, cache: IdCache | None = None) -> Self:
        """Tokenize batches of texts, object arrays of UTF-8 bytes; without a cache nothing is stored."""
        (ids, lengths), truncated = run_text_graph(texts, graph.compiled, id_arrays, id_specs, cache)
        return cls(ids, lengths, truncated)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> "TokenIds":
        return self

    def with_vectors(self, vectors: Inputs) -> Inputs:
        return vectors

    def select(self, rows: slice) -> Self:
        selected = self._rows[rows]
        return type(self)(selected.values, selected.lengths, TruncationCount())

    def digest(self, salt: bytes) -> str:
        """SHA-256 of a salt and these texts."""
        digest = sha256(salt)
        for array in self.arrays:
            digest.update(np.ascontiguousarray(array).view(np.uint8).data)
        return digest.hexdigest()

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All data that distinguishes these texts from others."""
        return self.lengths, self.ids

    def batch(self, rows: np.ndarray) -> Any:
        """Int32 ragged (b, None)."""
        return self._rows[rows].tensor()


def run_text_graph(
    texts: Iterable[np.ndarray],
    graph: Callable[[tf.Tensor], Packed],
    arrays_of: Callable[[Packed], tuple[np.ndarray, ...]],
    specs_of: Callable[[int, int], Sequence[ArraySpec]],
    cache: IdCache | None = None,
) -> tuple[list[np.ndarray], TruncationCount]:
    """Run a compiled text graph over batches of texts, object arrays of UTF-8 bytes, a few at a time on each core.

    Args:
        texts: the batches.
        graph: the compiled text graph.
        arrays_of: extracts arrays from the rows.
        specs_of: (number of texts, vocabulary size) to the form of these arrays.
        cache: of the arrays.

    Returns:
        the arrays that `arrays_of` extracts from the rows, concatenated over all texts, and the effect of truncation.

    Raises:
        TextgraftError: in a process that was forked after TensorFlow had started.
    """
    require_own_process()

    def run(batch: np.ndarray) -> tuple[np.ndarray, ...]:
        rows = graph(tf.constant(batch, tf.string))
        return *arrays_of(rows), rows.dropped.numpy()

    def specs(texts: int, vocabulary_size: int = 0) -> tuple[ArraySpec, ...]:
        return *specs_of(texts, vocabulary_size), ArraySpec("int32", (texts,))

    columns: list[Sequence[np.ndarray]] = [[np.empty(0, spec.dtype) for spec in specs(0)]]
    if cache:
        columns += (
            cache.arrays(
                batch,
                lambda batch: _concatenate(run_in_parallel(run, [batch])),
                specs(len(batch), cache.vocabulary_size),
            )
            for batch in texts
        )
    else:
        columns += run_in_parallel(run, texts)
    *arrays, dropped = _concatenate(columns)
    return arrays, TruncationCount(int(np.count_nonzero(dropped)), int(dropped.sum(dtype=np.int64)))


def id_arrays(rows: Packed) -> tuple[np.ndarray, np.ndarray]:
    """Concatenated ids and lengths of packed rows."""
    return rows.token_ids.values.numpy(), row_lengths(rows.token_ids)


def id_specs(texts: int, vocabulary_size: int) -> tuple[ArraySpec, ArraySpec]:
    """The form of `id_arrays`."""
    return ArraySpec("int32", (None,), below=vocabulary_size), ArraySpec("int64", (texts,), counts=0)


def run_in_parallel(
    run: Callable[[np.ndarray], tuple[np.ndarray, ...]], batches: Iterable[np.ndarray]
) -> Iterator[tuple[np.ndarray, ...]]:
    """A function's results for parts of batches, object arrays of UTF-8 bytes, a few at a time on each core."""
    chunks = (chunk for batch in batches for chunk in _chunks(batch))
    for window in bounded_windows(chunks, _text_bytes, _CALLS_AT_ONCE, _BYTES_AT_ONCE):
        yield from thread_pool().map(run, window) if len(window) > 1 else map(run, window)


def _chunks(texts: np.ndarray) -> Iterator[np.ndarray]:
    """Texts, (n,) or (n, 2), in parts for one call of the graph."""
    sizes = np.fromiter(map(len, texts.ravel()), np.int64, texts.size).reshape(texts.shape)
    sizes = sizes if sizes.ndim == 1 else sizes.sum(axis=1)
    return (texts[part] for part in window_slices(sizes, _TEXTS_PER_CALL, _BYTES_PER_CALL))


def _text_bytes(texts: np.ndarray) -> int:
    return sum(map(len, texts.flat))


def _concatenate(parts: Iterable[Sequence[np.ndarray]]) -> list[np.ndarray]:
    return [np.concatenate(column) for column in zip(*parts, strict=True)]
