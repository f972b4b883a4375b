"""Token ids of pairs of texts, and where the second text of each begins."""

from collections.abc import Iterable
from typing import Self

import numpy as np
import tensorflow as tf

from textgraft.text.graph import TextGraph
from textgraft.text.packing import Packed, PairRows
from textgraft.training.id_cache import IdCache
from textgraft.training.inputs import TokenIds, TruncationCount, packed


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
    def of(cls, texts: Iterable[np.ndarray], graph: TextGraph, kept: IdCache | None = None) -> Self:
        """Run the text graph once over batches of pairs, object arrays (n, 2) of UTF-8 bytes; see `TokenIds.of`."""
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
