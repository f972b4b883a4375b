"""Supervised contrastive learning: vectors of texts with one label become similar, those of other texts different.

All pairs of texts in a batch are compared, so each text is encoded once, and no list of pairs is stored.

References:
    Khosla et al., 2020, https://arxiv.org/abs/2004.11362; beside cross-entropy: Gunel et al., 2021,
    https://arxiv.org/abs/2011.01403
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from textgraft.training.step import Network, TrainingPass

# The temperature of cosines is that of Khosla et al.; the loss of the head counts as much as the contrastive loss.
_TEMPERATURE, _WEIGHT = 0.1, 1.0


@dataclass(frozen=True, kw_only=True)
class ContrastiveNetwork(Network):
    """A network that also minimizes the contrastive loss of the vectors which its head takes.

    Attributes:
        pool: a batch of rows to vectors, float32 (b, dim).
        head: vectors to outputs.
        anchors: a vector of length 1 for each label, float32 (labels, dim), which its texts are drawn to; or None.
    """

    pool: Callable[..., tf.Tensor]
    head: Callable[..., tf.Tensor]
    anchors: np.ndarray | None = None

    def training_pass(self, batch: Any, targets: Any) -> TrainingPass:
        vectors = self.pool(batch, training=True)
        outputs = self.head(vectors, training=True)
        losses = self.objective.loss(targets, outputs)
        head_losses = self.training_loss(targets, outputs) if self.training_loss else losses
        return TrainingPass(outputs, losses, head_losses + _WEIGHT * contrastive_losses(targets, vectors, self.anchors))


def contrastive_losses(targets: tf.Tensor, vectors: tf.Tensor, anchors: np.ndarray | None = None) -> tf.Tensor:
    """The contrastive loss of each text in a batch, float32 (b,), by graph ops.

    It is the cross-entropy of a softmax over the cosines to all other vectors, at a fixed temperature, with the vectors
    of the same label as targets, in equal shares. A text without another one of its label, and without anchors, has a
    loss of 0.

    Args:
        targets: label indices, int32 (b,).
        vectors: float32 (b, dim).
        anchors: further vectors, of length 1, one for each label: float32 (labels, dim).
    """
    texts = tf.math.l2_normalize(vectors, axis=1)
    others, labels = texts, targets
    if anchors is not None:
        others = tf.concat([texts, tf.constant(anchors)], axis=0)
        labels = tf.concat([targets, tf.range(len(anchors))], axis=0)
    is_itself = tf.eye(tf.shape(texts)[0], tf.shape(others)[0], dtype=tf.bool)
    is_positive = (targets[:, tf.newaxis] == labels) & ~is_itself  # (b, b + labels)
    logits = tf.where(is_itself, texts.dtype.min, texts @ tf.transpose(others) / _TEMPERATURE)
    log_shares = tf.where(is_positive, tf.nn.log_softmax(logits), 0.0)
    positives = tf.cast(tf.math.count_nonzero(is_positive, axis=1), tf.float32)
    return -tf.reduce_sum(log_shares, axis=1) / tf.maximum(positives, 1.0)
