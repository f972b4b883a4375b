"""The history of a run."""

from dataclasses import dataclass, field


@dataclass
class History:
    """Results of a run.

    Attributes:
        records: one per epoch: epoch (from 1), training loss and metrics, validation loss and metrics with the prefix
            val_ if there are validation texts, learning_rate, seconds, texts_per_second.
        best_epoch: epoch whose weights the model has, from 1; see `BestEpoch` and `LastEpoch`.
        seconds: training and validation, of all resumed parts of the run.
        graphs: compiled graphs of training and validation.
        padding: share of padding among the training tokens.
    """

    records: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    seconds: float = 0.0
    graphs: int = 0
    padding: float = 0.0
