"""Token ids of texts that are cut into windows, and where each window ends."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import tensorflow as tf

from textgraft.text.graph import TextGraph
from textgraft.text.packing import Packed
from textgraft.training.examples import Examples, Inputs
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import IdCache, TokenIds, TruncationCount, packed


class WindowIds(TokenIds):
    """Token ids of all windows of all texts, end to end: 4 bytes a token, 8 a window, 16 a text.

    Attributes:
        windows: int64, how many tokens each window of each text has.
    """

    spec = tf.RaggedTensorSpec([None, None, None], tf.int32, ragged_rank=2)

    def __init__(self, ids: np.ndarray, lengths: np.ndarray, truncated: TruncationCount, windows: Ragged) -> None:
        """Hold packed windows.

        Args:
            ids: see `TokenIds`.
            lengths: int64 (n,), tokens of all windows of each text.
            truncated: see `TokenIds`.
            windows: see `WindowIds`.
        """
        super().__init__(ids, lengths, truncated)
        self.windows = windows

    @classmethod
    def from_texts(cls, texts: Iterable[np.ndarray], graph: TextGraph, kept: IdCache | None = None) -> Self:
        """Run the text graph once over bounded batches of texts; see `TokenIds.from_texts`."""
        dtypes = (np.int32, np.int64, np.int64, np.int64)
        (ids, lengths, windows, counts), truncated = packed(texts, graph.compiled, _arrays, dtypes, kept)
        return cls(ids, lengths, truncated, Ragged(windows, counts))

    def part(self, rows: slice) -> Self:
        """The texts of a slice with a start and a stop; nothing is copied."""
        part = self._rows[rows]
        return type(self)(part.values, part.lengths, TruncationCount(), self.windows[rows])

    def with_vectors(self, stored: Inputs) -> Inputs:
        """What is stored, in windows where it is a row of vectors per text and not one vector."""
        return Windowed(stored, self.windows) if isinstance(stored.spec, tf.RaggedTensorSpec) else stored

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """All that tells these texts from others."""
        return *super().arrays, self.windows.values, self.windows.lengths

    def batch(self, rows: np.ndarray) -> tf.RaggedTensor:
        """Int32 ragged (b, None, None): windows of texts."""
        return _in_windows(self._rows[rows].values, self.windows[rows])


class Windowed:
    """Stored rows of vectors, (tokens, dim) for each text, cut into windows again.

    Attributes:
        spec: type of a batch.
        lengths: int64 (n,), tokens of each text.
        windows: int64, how many tokens each window of each text has.
    """

    def __init__(self, stored: Inputs, windows: Ragged) -> None:
        """Join what is stored and the lengths of its windows."""
        self._stored, self.windows = stored, windows
        self.lengths = stored.lengths
        shape = stored.spec.shape.as_list()
        self.spec = tf.RaggedTensorSpec([None, *shape], stored.spec.dtype, ragged_rank=2)

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.lengths)

    def batch(self, rows: np.ndarray) -> tf.RaggedTensor:
        """Ragged (b, None, None, dim)."""
        return _in_windows(self._stored.batch(rows).values, self.windows[rows])


def _in_windows(values: np.ndarray | tf.Tensor, windows: Ragged) -> tf.RaggedTensor:
    nested = [windows.lengths, windows.values]
    return tf.RaggedTensor.from_nested_row_lengths(values, nested, validate=False)


def _arrays(rows: Packed) -> tuple[np.ndarray, ...]:
    ids = rows.token_ids  # (n, windows, tokens)
    lengths = tf.reduce_sum(ids.with_values(ids.values.row_lengths()), axis=1)
    return tuple(array.numpy() for array in (ids.flat_values, lengths, ids.values.row_lengths(), ids.row_lengths()))


class SampledWindows(Examples[Inputs]):
    """Examples of which no text has more than some windows at a time, so that memory does not grow with a text.

    Which they are is a function of seed, epoch and row.

    Attributes:
        sampled: how many texts have more.
    """

    def __init__(self, examples: Examples[Any], windows: Ragged, most: int, seed: int) -> None:
        """Limit what is there.

        Args:
            examples: whose batches are ragged, (b, None, None, ...): windows of texts.
            windows: how many tokens each window of each text has.
            most: windows of a text at a time.
            seed: of the draws.
        """
        super().__init__(
            examples.inputs,
            examples.targets,
            examples.weights,
            examples.sample_size,
            examples.notices,
            examples.sampling_weights,
        )
        self._counts, self._most, self._seed, self._epoch = windows.lengths, most, seed, 0
        self.lengths = np.minimum(examples.lengths, most * windows.values.max(initial=1))
        self.sampled = int(np.count_nonzero(windows.lengths > most))

    def start_epoch(self, epoch: int) -> None:
        """Draw the windows of an epoch."""
        self._epoch = epoch

    def batch(self, rows: np.ndarray) -> tuple[Any, tf.Tensor | tf.RaggedTensor]:
        """Windows, in their order, and targets."""
        inputs, targets = super().batch(rows)
        counts = self._counts[rows]
        if not (counts > self._most).any():
            return inputs, targets
        chosen = [self._chosen(int(row), int(count)) for row, count in zip(rows, counts, strict=True)]
        mask = tf.RaggedTensor.from_row_lengths(np.concatenate(chosen), counts, validate=False)
        return tf.ragged.boolean_mask(inputs, mask), targets

    def _chosen(self, row: int, count: int) -> np.ndarray:
        """Which of a text's windows are taken, bool (count,)."""
        taken = np.zeros(count, bool)
        random = np.random.Generator(np.random.PCG64([self._seed, self._epoch, row]))
        taken[random.permutation(count)[: self._most]] = True
        return taken
