"""Rows that a network is trained on: inputs and targets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

import numpy as np
import tensorflow as tf

from textgraft.training.ragged import Rows, spec_of, tensor_of

if TYPE_CHECKING:
    from textgraft.training.token_ids import TokenIds


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

    def with_vectors(self, stored: Inputs) -> Inputs:
        """These rows with something else in place of the ids, a row for a row."""


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

    def start_epoch(self, epoch: int) -> None:
        """Be what an epoch of training, counted from 0, takes; most examples are the same in all."""

    def part(self: "Examples[TokenInputs]", rows: slice) -> "Examples[TokenInputs]":
        """The rows of a slice with a start and a stop."""
        sampling_weights = None if self.sampling_weights is None else self.sampling_weights[rows]
        return Examples(
            self.inputs.part(rows), self.targets[rows], self.weights[rows], sampling_weights=sampling_weights
        )

    def with_vectors(self: "Examples[TokenInputs]", stored: Inputs) -> "Examples[Inputs]":
        """The same with something else in place of the token ids, a row for a row."""
        return Examples(
            self.inputs.with_vectors(stored),
            self.targets,
            self.weights,
            self.sample_size,
            sampling_weights=self.sampling_weights,
        )
