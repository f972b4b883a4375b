"""What is told of a training: to those who follow it, and afterwards."""

from dataclasses import dataclass, field
from typing import Protocol


class Watcher(Protocol):
    """Follows the training."""

    def extracted(self, texts: int, total: int) -> None:
        """After each batch of texts that went through a frozen backbone: how many it had, and how many there are."""

    def step(self, epoch: int, texts: int, means: dict[str, float], left: float | None) -> None:
        """After each optimizer step.

        Args:
            epoch: from 0.
            texts: texts in the step.
            means: loss and metrics of the epoch so far.
            left: seconds until the end of the run, where that is known.
        """

    def epoch(self, record: dict[str, float]) -> None:
        """After each epoch: its row of the history."""

    def note(self, line: str) -> None:
        """Now and then, a line that a person should read."""


@dataclass
class History:
    """What happened.

    Attributes:
        records: a row per epoch: epoch (from 1), loss and metrics in training, the same of the validation rows with
            the prefix val_, learning_rate, seconds, texts_per_second.
        best_epoch: the epoch whose weights were kept, from 1; see `selection.BestEpoch`.
        seconds: training and validation, of all the runs that this one resumed too.
        graphs: how many were compiled, for training and validation.
        padding: share of the tokens that went through the network in training only to fill rows up.
    """

    records: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    graphs: int = 0
    padding: float = 0.0
