"""Token ids kept between runs: a text is not tokenised again by the text graph that has tokenised it before."""

import hashlib
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


class IdCache:
    """What a text graph made of some texts, by the hash of both."""

    def __init__(self, settings: Mapping[str, Any], assets: Mapping[str, bytes], cache: ArrayCache) -> None:
        """Name all that the text graph depends on.

        Args:
            settings: JSON values.
            assets: files by name: the vocabulary and whatever else the tokenizer is made of.
            cache: where arrays are kept; when it cannot keep them, they are computed each time.
        """
        contents = {name: hashlib.sha256(content).hexdigest() for name, content in assets.items()}
        self._identity = json.dumps([dict(settings), contents], sort_keys=True).encode()
        self._cache = cache

    def arrays(self, texts: np.ndarray, run: Callable[[np.ndarray], Sequence[np.ndarray]]) -> Sequence[np.ndarray]:
        """The arrays that the graph makes of texts.

        Args:
            texts: object array of UTF-8 bytes, (n,) or, for pairs, (n, 2).
            run: computes those of some texts.
        """
        key = self._key(texts)
        found = self._cache.get(key)
        if not found:
            found = list(run(texts))
            self._cache.put(key, found)
        return [np.array(array) for array in found]  # a map would keep its file open

    def _key(self, texts: np.ndarray) -> str:
        digest = hashlib.sha256(self._identity + repr(texts.shape).encode())
        flat = texts.ravel().tolist()
        digest.update(np.array([len(text) for text in flat], np.int64).tobytes())
        for text in flat:
            digest.update(text)
        return digest.hexdigest()


_PIECE = 256  # texts that go through the text graph at once


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
    def from_texts(cls, texts: Iterable[np.ndarray], graph: TextGraph, kept: IdCache | None = None) -> Self:
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

    def with_vectors(self, stored: Inputs) -> Inputs:
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


class PairIds(TokenIds):
    """Token ids of pairs, a row each: 16 bytes a row beside the ids.

    Attributes:
        firsts: int64 (n,), how many tokens of each row, from its beginning, are of segment 0.
    """

    spec = PairRows(TokenIds.spec, tf.TensorSpec([None], tf.int64))

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, truncated: TruncationCount, firsts: np.ndarray) -> None:
        """Hold packed rows.

        Args:
            ids: see `TokenIds`.
            lengths: see `TokenIds`.
            truncated: see `TokenIds`.
            firsts: see `PairIds`.
        """
        super().__init__(ids, lengths, truncated)
        self.firsts = firsts

    @classmethod
    def from_texts(cls, texts: Iterable[np.ndarray], graph: TextGraph, kept: IdCache | None = None) -> Self:
        """Run the text graph once over batches of pairs, object arrays (n, 2) of UTF-8 bytes."""
        dtypes = (np.int32, np.int64, np.int64)
        (ids, lengths, firsts), truncated = packed(texts, graph.compiled_pairs, _arrays, dtypes, kept)
        return cls(ids, lengths, truncated, firsts)

    def part(self, rows: slice) -> Self:
        """The pairs of a slice with a start and a stop; nothing is copied."""
        part = self._rows[rows]
        return type(self)(part.values, part.lengths, TruncationCount(), self.firsts[rows])

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All that tells these pairs from others."""
        return *super().arrays, self.firsts

    def batch(self, rows: np.ndarray) -> PairRows:
        """Token ids, int32 ragged (b, None), and `firsts`, int64 (b,)."""
        return PairRows(super().batch(rows), tf.constant(self.firsts[rows]))


def _arrays(rows: Packed) -> tuple[np.ndarray, ...]:
    ids = rows.token_ids
    firsts = ids.row_lengths() - tf.cast(tf.reduce_sum(rows.segment_ids, axis=1), tf.int64)
    return ids.values.numpy(), ids.row_lengths().numpy(), firsts.numpy()


class WordInputs:
    """Token ids, or what a frozen network made of them, and the places of words among them.

    Attributes:
        spec: types of a batch's rows and positions.
        lengths: int64 (r,), tokens of each row.
        positions: int32 ragged (r, None).
    """

    spec = (TokenIds.spec, tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1))

    def __init__(self, rows: Inputs, positions: Ragged) -> None:
        """Join rows and positions."""
        self._rows, self.positions = rows, positions
        self.spec = (rows.spec, positions.spec)
        self.lengths = rows.lengths

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.lengths)

    @property
    def tokens(self) -> TokenIds:
        """The token ids."""
        if not isinstance(self._rows, TokenIds):
            raise TypeError("these rows have no token ids any more")
        return self._rows

    def batch(self, rows: np.ndarray) -> tuple[tf.RaggedTensor, tf.RaggedTensor]:
        """Rows, ragged (b, None) or (b, None, dim), and positions, int32 ragged (b, None)."""
        return self._rows.batch(rows), self.positions[rows].tensor()

    def part(self, rows: slice) -> "WordInputs":
        """The rows of a slice with a start and a stop."""
        return WordInputs(self.tokens.part(rows), self.positions[rows])

    def with_vectors(self, stored: Inputs) -> "WordInputs":
        """The same places among what is stored."""
        return WordInputs(stored, self.positions)
