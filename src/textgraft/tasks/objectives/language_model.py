"""Prediction of masked tokens or of the next token. Perplexity is exp(mean loss per token)."""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from rich.console import RenderableType
from rich.table import Table

from textgraft.data.metrics import LANGUAGE_MODEL
from textgraft.tasks.objectives import summed_cross_entropy
from textgraft.training.objective import Objective

_MAX_LOSS = 600.0  # its exponential is finite


class MaskedTokens(Objective):
    """Cross-entropy of masked tokens, from their logits, in rows of `sequence_length` tokens."""

    selectable = LANGUAGE_MODEL
    answer_columns: tuple[str, ...] = ("tokens",)

    def __init__(self, sequence_length: int | None) -> None:
        self.sequence_length = sequence_length

    def loss(self, targets: tf.RaggedTensor, outputs: tf.RaggedTensor) -> tf.Tensor:
        return summed_cross_entropy(targets, outputs)

    def metric_inputs(self, targets: tf.RaggedTensor, outputs: tf.RaggedTensor) -> tf.Tensor:
        """Nothing: perplexity follows from the loss."""
        return tf.zeros([targets.nrows(), 0])

    def metrics_from_loss(self, loss: float) -> dict[str, float]:
        return {"perplexity": math.exp(min(loss, _MAX_LOSS))}

    @property
    def summary(self) -> str:
        return f"blocks of {self.sequence_length} tokens"

    def report(self, metrics: dict[str, Any]) -> RenderableType:
        table = Table(title=f"{metrics['texts']:,} texts, {metrics['tokens']:,} tokens", title_justify="left")
        for name in ("perplexity", "loss"):
            table.add_column(name, justify="right")
        table.add_row(f"{metrics['perplexity']:.2f}", f"{metrics['loss']:.4f}")
        return table


class NextTokens(MaskedTokens):
    """Cross-entropy of the next token, from token vectors; targets below 0 have no loss."""

    answer_columns = ("completion",)

    def __init__(self, sequence_length: int | None, logits: Callable[[tf.Tensor], tf.Tensor]) -> None:
        """Set the head, `logits`, from vectors (n, dim) to logits (n, vocabulary)."""
        super().__init__(sequence_length)
        self._logits = logits

    def loss(self, targets: tf.RaggedTensor, outputs: tf.RaggedTensor) -> tf.Tensor:
        """Cross-entropy summed over each row; logits are computed only for tokens with a loss."""
        has_loss = targets.values >= 0
        logits = self._logits(tf.boolean_mask(outputs.values, has_loss))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.boolean_mask(targets.values, has_loss), logits)
        rows = tf.boolean_mask(targets.value_rowids(), has_loss)
        return tf.math.unsorted_segment_sum(losses, rows, targets.nrows())
