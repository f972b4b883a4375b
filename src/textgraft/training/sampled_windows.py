"""Texts of very many windows in training: some of them in an epoch, others in the next."""

from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.training.inputs import Examples, Inputs
from textgraft.training.ragged import Ragged


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

    def begin(self, epoch: int) -> None:
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
