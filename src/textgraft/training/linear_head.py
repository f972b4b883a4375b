"""The layer of logits of a classifier as arrays, and its fit to further texts beside those that it is to remember."""

from typing import NamedTuple, Self

import keras
import numpy as np

from textgraft.training.log_loss import label_logits
from textgraft.training.prior import regress

# Without texts of all earlier labels, their biases cannot be fitted; they are held where they were.
BIAS_PENALTY = 100.0

# Texts that a replayed embedding represents at most on average. A few embeddings of very many texts would else be
# fitted exactly.
MAX_MEAN_WEIGHT = 10.0

_MIN_SQUARED_NORM = 1e-12


class LinearHead(NamedTuple):
    """Weights of a layer that maps vectors to one logit per label, or to one for the second of two labels.

    Attributes:
        kernel: float64 (dim, units).
        bias: float64 (units,).
    """

    kernel: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, layer: keras.layers.Dense) -> Self:
        """The present weights of a layer."""
        return cls(layer.kernel.numpy().astype(np.float64), layer.bias.numpy().astype(np.float64))

    def assign_to(self, layer: keras.layers.Dense) -> None:
        """Set the weights of a layer."""
        layer.kernel.assign(self.kernel)
        layer.bias.assign(self.bias)

    def outputs(self, vectors: np.ndarray) -> np.ndarray:
        """Logits, float32 (n, units), of vectors (n, dim)."""
        outputs: np.ndarray = (vectors @ self.kernel + self.bias).astype(np.float32)
        return outputs

    def times(self, factor: float) -> "LinearHead":
        """The head whose logits are those of this one, multiplied."""
        return LinearHead(factor * self.kernel, factor * self.bias)

    def plus(self, other: "LinearHead") -> "LinearHead":
        """The head whose logits are the sum of those of two heads of the same inputs."""
        return LinearHead(self.kernel + other.kernel, self.bias + other.bias)

    def with_labels(self, labels: int) -> "LinearHead":
        """The head of more labels: a new logit is the mean of the earlier ones, whose differences stay."""
        kernel, bias = label_logits(self.kernel), label_logits(self.bias[np.newaxis])[0]
        if len(bias) == labels:
            return self
        added = labels - len(bias)
        return LinearHead(
            np.pad(kernel - kernel.mean(axis=1, keepdims=True), ((0, 0), (0, added))),
            np.pad(bias - bias.mean(), (0, added)),
        )


def replay_weights(targets: np.ndarray, weights: np.ndarray, earlier_labels: int) -> np.ndarray:
    """Factors of the losses of further texts and of the replayed embeddings after them, float64 (n,).

    Each text counts once, an embedding as the texts that it represents. The texts of each new label together count
    at least as much as those of an earlier label on average: how many there are says little of how frequent it is.

    Args:
        targets: label indices of further texts and embeddings, int (n,).
        weights: of the embeddings, float (m,).
        earlier_labels: number of labels of the embeddings.
    """
    if not len(weights):
        return np.ones(len(targets))
    replayed = weights * min(1.0, MAX_MEAN_WEIGHT / weights.mean())
    factors = np.concatenate([np.ones(len(targets) - len(weights)), replayed])
    totals = np.bincount(targets, factors, minlength=earlier_labels)
    earlier = totals[:earlier_labels]
    raised = np.ones(len(totals))
    raised[earlier_labels:] = np.maximum(1.0, earlier[earlier > 0].mean() / np.maximum(totals[earlier_labels:], 1.0))
    result: np.ndarray = factors * raised[targets]
    return result


def fit_beside(
    prior: LinearHead, vectors: np.ndarray, targets: np.ndarray, weights: np.ndarray, bias_penalty: float
) -> LinearHead:
    """Logistic regression whose penalty draws the weights to those of a head, in place of to 0.

    Args:
        prior: of all labels.
        vectors: float (n, dim); the penalty is that of C = 1 for vectors with a mean squared norm of 1.
        targets: label indices, int (n,).
        weights: factors of the losses, float (n,).
        bias_penalty: factor of the squared distance of the bias.
    """
    vectors = vectors.astype(np.float64)
    squared_norm = weights @ np.einsum("ij,ij->i", vectors, vectors) / weights.sum()
    scale = 1 / np.sqrt(max(squared_norm, _MIN_SQUARED_NORM))
    kernel, bias = regress(scale * vectors, targets, prior.kernel / scale, weights, prior.bias, bias_penalty)
    return LinearHead(scale * kernel, bias)
