"""Token ids of pairs of texts, and of rows with the positions of words."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import tensorflow as tf

from textgraft.storage.array_cache import ArraySpec
from textgraft.text.packing import Packed, PairRows, TextGraph
from textgraft.training.examples import Inputs
from textgraft.training.id_cache import IdCache
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import TokenIds, TruncationCount, id_arrays, id_specs, run_text_graph


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
        run = graph.compiled_pairs
        (ids, lengths, firsts), truncated = run_text_graph(texts, run, _pair_arrays, _pair_specs, cache)
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

    spec: Any = (TokenIds.spec, tf.RaggedTensorSpec([None, None], tf.int32, ragged_rank=1))

    def __init__(self, rows: Inputs, positions: Ragged) -> None:
        self._rows, self.positions = rows, positions
        self.spec, self.lengths = (rows.spec, positions.spec), rows.lengths

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


def _pair_arrays(rows: Packed) -> tuple[np.ndarray, ...]:
    return *id_arrays(rows), rows.first_lengths.numpy()


def _pair_specs(pairs: int, vocabulary_size: int) -> tuple[ArraySpec, ...]:
    return *id_specs(pairs, vocabulary_size), ArraySpec("int64", (pairs,))
