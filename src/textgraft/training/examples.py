"""Inputs, which are rows that a network reads, and examples, which are inputs with targets."""

from collections.abc import Sequence
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
import tensorflow as tf

from textgraft.training.ragged import Rows, batch_spec, to_tensor


class Inputs(Protocol):
    """Rows with random access."""

    spec: Any  # type of a batch of any size, nested as the batch
    lengths: np.ndarray  # int64 (n,), cost of each row

    def __len__(self) -> int: ...

    def batch(self, rows: np.ndarray) -> Any:
        """Rows by index, in this order: a tensor or a nest of tensors."""


class TokenInputs(Inputs, Protocol):
    """Rows of token ids, before a frozen network turns them into vectors."""

    @property
    def tokens(self) -> Any:
        """The `TokenIds`, in the order of the rows."""

    def select(self, rows: slice) -> Self:
        """The rows of a slice with a start and a stop."""

    def with_vectors(self, vectors: Inputs) -> Inputs:
        """The same rows with stored vectors in place of the token ids."""


InputsT = TypeVar("InputsT", bound=Inputs, covariant=True)


class Examples(Generic[InputsT]):
    """Inputs and targets; a batch has both.

    Attributes:
        weights: int64 (n,), predictions per row: 1 for a text with a label.
        sample_size: number of independent samples that a score over all rows averages.
        notices: lines for the user.
        sampling_weights: float (n,), occurrences of each row per training epoch; None for one.
    """

    def __init__(
        self,
        inputs: InputsT,
        targets: Rows,
        weights: np.ndarray | None = None,
        sample_size: int | None = None,
        notices: Sequence[str] = (),
        sampling_weights: np.ndarray | None = None,
    ) -> None:
        self.inputs, self.targets, self.notices = inputs, targets, tuple(notices)
        self.weights = np.ones(len(inputs), np.int64) if weights is None else weights
        self.sample_size = len(inputs) if sample_size is None else sample_size
        self.sampling_weights = sampling_weights
        self.spec = (inputs.spec, batch_spec(targets))
        self.lengths = inputs.lengths

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, rows: np.ndarray) -> tuple[Any, tf.Tensor | tf.RaggedTensor]:
        """Inputs and targets."""
        return self.inputs.batch(rows), to_tensor(self.targets[rows])

    def start_epoch(self, epoch: int) -> None:
        """Draw the random part of a training epoch, counted from 0; by default there is none."""

    def select(self: "Examples[TokenInputs]", rows: slice) -> "Examples[TokenInputs]":
        """The rows of a slice with a start and a stop."""
        sampling_weights = None if self.sampling_weights is None else self.sampling_weights[rows]
        return Examples(
            self.inputs.select(rows), self.targets[rows], self.weights[rows], sampling_weights=sampling_weights
        )

    def with_vectors(self: "Examples[TokenInputs]", vectors: Inputs) -> "Examples[Inputs]":
        """The same examples with stored vectors in place of the token ids."""
        inputs, sampling_weights = self.inputs.with_vectors(vectors), self.sampling_weights
        return Examples(inputs, self.targets, self.weights, self.sample_size, sampling_weights=sampling_weights)
