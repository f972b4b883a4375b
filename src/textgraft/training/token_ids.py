"""Token ids of all texts, held in flat arrays: single texts, pairs, and rows with word positions."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Any, Self

import numpy as np
import tensorflow as tf

from textgraft.storage.array_cache import ArrayCache
from textgraft.text.graph import TextGraph
from textgraft.text.packing import Packed, PairRows
from textgraft.training.examples import Inputs
from textgraft.training.ragged import Ragged

_TEXTS_PER_CALL = 256  # of the text graph


class IdCache:
    """Arrays that a text graph computed in earlier runs, by the hash of graph and texts.

    Args:
        settings: JSON values.
        assets: files of the tokenizer, such as the vocabulary.
        cache: when it cannot store arrays, they are computed each time.
    """

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, bytes], cache: ArrayCache) -> None:
        hashes = {name: sha256(content).hexdigest() for name, content in assets.items()}
        self._identity = json.dumps([dict(settings), hashes], sort_keys=True).encode()
        self._cache = cache

    def arrays(self, texts: np.ndarray, compute: Callable[[np.ndarray], Sequence[np.ndarray]]) -> Sequence[np.ndarray]:
        """The arrays of texts.

        Args:
            texts: object array of UTF-8 bytes, (n,) or, for pairs, (n, 2).
            compute: called where they are not cached.
        """
        key = self._key(texts)
        arrays = self._cache.get(key)
        if not arrays:
            arrays = list(compute(texts))
            self._cache.put(key, arrays)
        return [np.array(array) for array in arrays]  # a memory map would keep its file open

    def _key(self, texts: np.ndarray) -> str:
        digest = sha256(self._identity + repr(texts.shape).encode())
        flat = texts.ravel().tolist()
        digest.update(np.array([len(text) for text in flat], np.int64).tobytes())
        for text in flat:
            digest.update(text)
        return digest.hexdigest()


@dataclass
class TruncationCount:
    """Effect of truncation.

    Attributes:
        texts: truncated texts.
        tokens: dropped tokens of all texts.
    """

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
        (ids, lengths), truncated = run_text_graph(texts, graph.compiled, _id_arrays, (np.int32, np.int64), cache)
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


class PairIds(TokenIds):
    """Token ids of pairs of texts, one row per pair: 8 more bytes per row.

    Attributes:
        firsts: int64 (n,), tokens of segment 0, which begin each row.
    """

    spec = PairRows(TokenIds.spec, tf.TensorSpec([None], tf.int64))

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, truncated: TruncationCount, firsts: np.ndarray) -> None:
        super().__init__(ids, lengths, truncated)
        self.firsts = firsts

    @classmethod
    def from_texts(cls, texts: Iterable[np.ndarray], graph: TextGraph, cache: IdCache | None = None) -> Self:
        """Tokenize pairs, object arrays (n, 2) of UTF-8 bytes; see `TokenIds`."""
        dtypes = (np.int32, np.int64, np.int64)
        (ids, lengths, firsts), truncated = run_text_graph(texts, graph.compiled_pairs, _pair_arrays, dtypes, cache)
        return cls(ids, lengths, truncated, firsts)

    def select(self, rows: slice) -> Self:
        selected = self._rows[rows]
        return type(self)(selected.values, selected.lengths, TruncationCount(), self.firsts[rows])

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return *super().arrays, self.firsts

    def batch(self, rows: np.ndarray) -> PairRows:
        """Token ids, int32 ragged (b, None), and `firsts`, int64 (b,)."""
        return PairRows(super().batch(rows), tf.constant(self.firsts[rows]))


class WordInputs:
    """Token ids, or their stored vectors, with the position of the first token of each word.

    Attributes:
        spec: types of a batch's rows and positions.
        lengths: int64 (r,), tokens per row.
        positions: int32 ragged (r, None).
    """

    spec = (TokenIds.spec, tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1))

    def __init__(self, rows: Inputs, positions: Ragged) -> None:
        self._rows, self.positions = rows, positions
        self.spec = (rows.spec, positions.spec)
        self.lengths = rows.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def tokens(self) -> TokenIds:
        if not isinstance(self._rows, TokenIds):
            raise TypeError("these rows hold vectors, not token ids")
        return self._rows

    def batch(self, rows: np.ndarray) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Rows, ragged (b, None) or (b, None, dim), and positions, int32 ragged (b, None)."""
        return self._rows.batch(rows), self.positions[rows].tensor()

    def select(self, rows: slice) -> "WordInputs":
        return WordInputs(self.tokens.select(rows), self.positions[rows])

    def with_vectors(self, vectors: Inputs) -> "WordInputs":
        return WordInputs(vectors, self.positions)


def run_text_graph(
    texts: Iterable[np.ndarray],
    graph: Callable[[tf.Tensor], Packed],
    arrays_of: Callable[[Packed], tuple[np.ndarray, ...]],
    dtypes: Sequence[Any],
    cache: IdCache | None = None,
) -> tuple[list[np.ndarray], TruncationCount]:
    """Run a compiled text graph over all texts, a few at a time on each core.

    Args:
        texts: batches, object arrays of UTF-8 bytes.
        graph: from a tensor of texts to packed rows.
        arrays_of: extracts the arrays to keep.
        dtypes: dtypes of these arrays.
        cache: of this graph; None to store nothing.

    Returns:
        each array concatenated over all texts, and the effect of truncation.
    """

    def run(batch: np.ndarray) -> tuple[np.ndarray, ...]:
        rows = graph(tf.constant(batch, tf.string))
        return *arrays_of(rows), rows.dropped.numpy()

    columns: list[Sequence[np.ndarray]] = [[*(np.empty(0, dtype) for dtype in dtypes), np.empty(0, np.int32)]]
    if cache:
        columns += (cache.arrays(batch, lambda batch: _concatenate(_run_parallel(run, [batch]))) for batch in texts)
    else:
        columns += _run_parallel(run, texts)
    *arrays, dropped = _concatenate(columns)
    return arrays, TruncationCount(int(np.count_nonzero(dropped)), int(dropped.sum(dtype=np.int64)))


def _run_parallel(
    run: Callable[[np.ndarray], tuple[np.ndarray, ...]], batches: Iterable[np.ndarray]
) -> Iterator[tuple[np.ndarray, ...]]:
    cores = os.cpu_count() or 1
    starts = ((batch, start) for batch in batches for start in range(0, len(batch), _TEXTS_PER_CALL))
    chunks = (batch[start : start + _TEXTS_PER_CALL] for batch, start in starts)
    with ThreadPoolExecutor(cores) as pool:
        while window := list(islice(chunks, 4 * cores)):
            yield from pool.map(run, window)


def _concatenate(parts: Iterable[Sequence[np.ndarray]]) -> list[np.ndarray]:
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _id_arrays(rows: Packed) -> tuple[np.ndarray, np.ndarray]:
    return rows.token_ids.values.numpy(), rows.token_ids.row_lengths().numpy()


def _pair_arrays(rows: Packed) -> tuple[np.ndarray, ...]:
    firsts = rows.token_ids.row_lengths() - tf.cast(tf.reduce_sum(rows.segment_ids, axis=1), tf.int64)
    return *_id_arrays(rows), firsts.numpy()
