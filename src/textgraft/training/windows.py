"""Texts split into windows: their token ids, their stored vectors, and the windows drawn for each training epoch."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import tensorflow as tf

from textgraft.storage.array_cache import ArraySpec
from textgraft.text.packing import Packed, TextGraph
from textgraft.training.examples import Examples, Inputs
from textgraft.training.id_cache import IdCache
from textgraft.training.ragged import Ragged, row_lengths
from textgraft.training.token_ids import TokenIds, TruncationCount, run_text_graph


class WindowIds(TokenIds):
    """Token ids of all windows of all texts: 4 bytes per token, 8 per window, 16 per text.

    Attributes:
        lengths: int64 (n,), tokens of all windows of each text.
        windows: int64 ragged (n, None), tokens of each window.
    """

    spec = tf.RaggedTensorSpec([None, None, None], tf.int32, ragged_rank=2)

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, truncated: TruncationCount, windows: Ragged) -> None:
        super().__init__(ids, lengths, truncated)
        self.windows = windows

    @classmethod
    def from_texts(cls, texts: Iterable[np.ndarray], graph: TextGraph, cache: IdCache | None = None) -> Self:
        (ids, tokens, counts), truncated = run_text_graph(texts, graph.compiled, _arrays, _specs, cache)
        windows = Ragged(tokens, counts)
        return cls(ids, windows.row_sums(), truncated, windows)

    def select(self, rows: slice) -> Self:
        selected = self._rows[rows]
        return type(self)(selected.values, selected.lengths, TruncationCount(), self.windows[rows])

    def with_vectors(self, vectors: Inputs) -> Inputs:
        # One vector per token keeps its window; one vector per text has none.
        return WindowVectors(vectors, self.windows) if isinstance(vectors.spec, tf.RaggedTensorSpec) else vectors

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        return *super().arrays, self.windows.values, self.windows.lengths

    def batch(self, rows: np.ndarray) -> tf.RaggedTensor:
        """Int32 ragged (b, None, None): texts, windows, tokens."""
        return _split_windows(self._rows[rows].values, self.windows[rows])


class WindowVectors:
    """Stored vectors of all tokens, split into windows, of which `windows`, int64 ragged (n, None), has the tokens."""

    def __init__(self, vectors: Inputs, windows: Ragged) -> None:
        self._vectors, self.windows, self.lengths = vectors, windows, vectors.lengths
        self.spec = tf.RaggedTensorSpec([None, *vectors.spec.shape.as_list()], vectors.spec.dtype, ragged_rank=2)

    def __len__(self) -> int:
        return len(self.lengths)

    def batch(self, rows: np.ndarray) -> tf.RaggedTensor:
        """Ragged (b, None, None, dim)."""
        return _split_windows(self._vectors.batch(rows).values, self.windows[rows])


class SampledWindows(Examples[Inputs]):
    """Examples with at most `max_windows` windows per text and epoch, which bounds memory.

    The windows are a function of seed, epoch and row; `sampled` texts have more of them. Batches of the original
    examples are ragged (b, None, None, ...), and `windows`, int64 ragged (n, None), has the tokens of each window.
    """

    def __init__(self, examples: Examples[Any], windows: Ragged, max_windows: int, seed: int) -> None:
        vars(self).update(vars(examples))
        self._counts, self._max_windows, self._seed, self._epoch = windows.lengths, max_windows, seed, 0
        self.lengths = np.minimum(examples.lengths, max_windows * windows.values.max(initial=1))
        self.sampled = int(np.count_nonzero(windows.lengths > max_windows))

    def start_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def batch(self, rows: np.ndarray) -> tuple[Any, tf.Tensor | tf.RaggedTensor]:
        """The epoch's windows, in their order, and targets."""
        inputs, targets = super().batch(rows)
        counts = self._counts[rows]
        if not (counts > self._max_windows).any():
            return inputs, targets
        masks = [self._draw(int(row), int(count)) for row, count in zip(rows, counts, strict=True)]
        mask = tf.RaggedTensor.from_row_lengths(np.concatenate(masks), counts, validate=False)
        return tf.ragged.boolean_mask(inputs, mask), targets

    def _draw(self, row: int, count: int) -> np.ndarray:
        """Mask of the drawn windows of a text, bool (count,)."""
        mask = np.zeros(count, bool)
        random = np.random.Generator(np.random.PCG64([self._seed, self._epoch, row]))
        mask[random.permutation(count)[: self._max_windows]] = True
        return mask


def _split_windows(values: np.ndarray | tf.Tensor, windows: Ragged) -> tf.RaggedTensor:
    return tf.RaggedTensor.from_nested_row_lengths(values, [windows.lengths, windows.values], validate=False)


def _arrays(rows: Packed) -> tuple[np.ndarray, ...]:
    ids = rows.token_ids  # (n, windows, tokens)
    return ids.flat_values.numpy(), row_lengths(ids.values), row_lengths(ids)


def _specs(texts: int, vocabulary_size: int) -> tuple[ArraySpec, ...]:
    ids = ArraySpec("int32", (None,), below=vocabulary_size)
    return ids, ArraySpec("int64", (None,), counts=0), ArraySpec("int64", (texts,), counts=1)
