"""A tag per word (IOB2), from which labelled spans are decoded."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.label_types import STRING
from textgraft.data.metrics import SPANS
from textgraft.data.python_inputs import one_line
from textgraft.errors import ConfigError, counted
from textgraft.evaluation.metric_tables import span_tables
from textgraft.task_specs.token_classification import DECODINGS, tag_count
from textgraft.tasks import tag_decoding, tag_graph
from textgraft.tasks.objectives import summed_cross_entropy
from textgraft.training.objective import Objective, check_labels
from textgraft.training.ragged import Ragged

_TINY = 1e-30  # keeps the logarithm of a probability finite


class Tags(Objective):
    """Softmax over the tags of each word.

    Attributes:
        labels: types of spans.
        decoding: "constrained" decodes the most probable sequence in which every inside tag continues a span, "free"
            the most probable tag of each word.
        width: number of tags.
    """

    selectable = SPANS
    answer_columns = ("entities",)

    def __init__(self, labels: Sequence[str], decoding: str) -> None:
        """Check the arguments; a ConfigError reports no labels, duplicates, or an unknown decoding."""
        self.labels, label_type = check_labels(labels, 1)
        if label_type != STRING:
            raise ConfigError(f"labels of entities must be strings, not of type {label_type}")
        if not isinstance(decoding, str) or decoding not in DECODINGS:
            raise ConfigError(f"decoding {one_line(decoding)} is unknown; choose one of {', '.join(DECODINGS)}")
        self.decoding = decoding
        self.width = tag_count(len(self.labels))

    @property
    def tag_names(self) -> tuple[str, ...]:
        """The name of each tag in IOB2; see `tag_decoding` for their order."""
        return ("O", *(f"{prefix}-{label}" for label in self.labels for prefix in "BI"))

    def loss(self, targets: tf.RaggedTensor, outputs: tf.RaggedTensor) -> tf.Tensor:
        return summed_cross_entropy(targets, outputs)

    def metrics(self, targets: Ragged, outputs: Ragged) -> dict[str, float]:
        """Share of words with the right tag."""
        right = outputs.values.argmax(axis=1) == targets.values
        return {"accuracy": float(right.mean()) if len(right) else 0.0}

    def validation_metrics(self, targets: Ragged, outputs: Ragged) -> dict[str, float]:
        """Also the F1 of spans, micro and macro; a span across the border of two rows counts as two."""
        true, predicted = (
            tag_decoding.decode_spans(tags, targets.lengths) for tags in (targets.values, self.tags(outputs))
        )
        macro_f1 = tag_decoding.macro_span_f1(true, predicted)
        return {**self.metrics(targets, outputs), "f1": tag_decoding.span_f1(true, predicted), "macro_f1": macro_f1}

    def tags(self, logits: Ragged) -> np.ndarray:
        """The tag id of each word, int (w,)."""
        if self.decoding == "free":
            return np.asarray(logits.values.argmax(axis=1))
        return tag_decoding.viterbi(np.log(self.probabilities(logits) + _TINY), logits.lengths)

    def probabilities(self, logits: Ragged) -> np.ndarray:
        """Float32 (w, tags)."""
        shifted = np.exp(logits.values - logits.values.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def graph_tags(self, logits: tf.RaggedTensor) -> tuple[tf.Tensor, tf.Tensor]:
        """`tags` of logits, float32 ragged (n, None, tags), by graph ops, and their probabilities, float32 (w,)."""
        probabilities = tf.nn.softmax(logits.values)
        if self.decoding == "free":
            tags = tf.argmax(probabilities, axis=1, output_type=tf.int32)
        else:
            scores = tf.cast(tf.math.log(probabilities + _TINY), tf.float64)
            tags = tag_graph.best_tags(logits.with_values(scores))
        return tags, tf.gather(probabilities, tags, batch_dims=1)

    def word_losses(self, logits: Ragged, tags: np.ndarray) -> np.ndarray:
        """The cross-entropy of each word, float32 (w,)."""
        return np.asarray(-np.log(self.probabilities(logits)[np.arange(len(tags)), tags] + _TINY))

    @property
    def summary(self) -> str:
        return counted(len(self.labels), "entity type")

    def report(self, metrics: dict[str, Any]) -> RenderableType:
        return span_tables(metrics)
