"""A tag per word (IOB2), from which labelled spans are decoded."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.data.label_types import STRING
from textgraft.data.metrics import SPANS
from textgraft.data.python_inputs import one_line
from textgraft.errors import ConfigError, counted
from textgraft.evaluation.metric_tables import span_tables
from textgraft.task_specs.text_classification import TEMPERATURE, THRESHOLD
from textgraft.task_specs.token_classification import DECODINGS, SCORINGS, tag_count
from textgraft.tasks import tag_decoding, tag_graph
from textgraft.tasks.objectives import summed_cross_entropy
from textgraft.tasks.span_calibration import span_temperature, tag_probabilities
from textgraft.training.objective import Objective, check_labels
from textgraft.training.ragged import Ragged


class Tags(Objective):
    """Softmax over the tags of each word.

    Attributes:
        labels: types of spans.
        decoding: "constrained" decodes the most probable sequence in which every inside tag continues a span, "free"
            the most probable tag of each word.
        scoring: the score of a span: "spans" for its probability, "words" for the mean of its words' probabilities, as
            models of earlier versions have it.
        temperature: divides the logits in `probabilities`.
        min_confidence: lowest score of a span that is answered.
        width: number of tags.
    """

    selectable, calibrated = SPANS, ("temperature",)
    answer_columns = ("entities",)

    def __init__(
        self,
        labels: Sequence[str],
        decoding: str,
        scoring: str = tag_decoding.SPANS,
        temperature: float = 1.0,
        min_confidence: float = 0.0,
    ) -> None:
        """Check the arguments; a ConfigError reports no labels, duplicates, an unknown word or an excessive number."""
        self.labels, label_type = check_labels(labels, 1)
        if label_type != STRING:
            raise ConfigError(f"labels of entities must be strings, not of type {label_type}")
        if not isinstance(decoding, str) or decoding not in DECODINGS:
            raise ConfigError(f"decoding {one_line(decoding)} is unknown; choose one of {', '.join(DECODINGS)}")
        if not isinstance(scoring, str) or scoring not in SCORINGS:
            raise ConfigError(f"scoring {one_line(scoring)} is unknown; choose one of {', '.join(SCORINGS)}")
        for name, schema, value in (
            ("temperature", TEMPERATURE, temperature), ("min_confidence", THRESHOLD, min_confidence)
        ):  # fmt: skip
            if not schema.holds(value):
                raise ConfigError(f"{name} must be {schema.name}, not {value}")
        self.decoding, self.scoring = decoding, scoring
        self.temperature, self.min_confidence = temperature, min_confidence
        self.width = tag_count(len(self.labels))

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments other than the labels, as JSON values."""
        numbers = {"temperature": (self.temperature, 1), "min_confidence": (self.min_confidence, 0)}
        changed = {name: value for name, (value, default) in numbers.items() if value != default}
        return {"decoding": self.decoding, "scoring": self.scoring, **changed}

    def prepare(self, train: Any) -> None:
        self.scoring, self.temperature = tag_decoding.SPANS, 1.0

    def calibrate(self, targets: Ragged, outputs: Callable[[], Ragged]) -> str:
        """Fit the temperature of spans; see `span_temperature`."""
        logits = outputs()
        true = tag_decoding.decode_spans(targets.values, targets.lengths)
        self.temperature, count = span_temperature(logits, true, self.decoding)
        return f"calibrated: temperature {self.temperature:.2f} ({count:,} predicted entities)"

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
        return tag_decoding.decode_tags(self.probabilities(logits), logits.lengths, self.decoding)

    def spans(self, logits: Ragged) -> tuple[tag_decoding.SpanArrays, np.ndarray]:
        """The spans that are answered, and their scores, float64 (s,)."""
        spans, scores = self.scored_spans(logits)
        is_sure = scores >= self.min_confidence
        return tag_decoding.SpanArrays(*(values[is_sure] for values in spans)), scores[is_sure]

    def scored_spans(self, logits: Ragged) -> tuple[tag_decoding.SpanArrays, np.ndarray]:
        """All spans, also those below `min_confidence`, and their scores, float64 (s,)."""
        return tag_decoding.scored_spans(self.probabilities(logits), logits.lengths, self.decoding, self.scoring)

    def span_scores(self, logits: Ragged, spans: tag_decoding.SpanArrays) -> np.ndarray:
        """The scores of given spans, whether or not they are predicted, float64 (s,)."""
        probabilities = self.probabilities(logits)
        if self.scoring == tag_decoding.WORDS:
            tags = tag_decoding.encode_spans(spans, len(probabilities))
            return tag_decoding.word_means(spans, probabilities[np.arange(len(tags)), tags])
        return tag_decoding.probabilities_of_spans(spans, probabilities, logits.lengths, self.decoding)

    def probabilities(self, logits: Ragged) -> np.ndarray:
        """Float32 (w, tags)."""
        return tag_probabilities(logits.values, self.temperature)

    def graph_spans(self, logits: tf.RaggedTensor) -> tuple[tag_graph.SpanTensors, tf.Tensor]:
        """All spans of logits, float32 ragged (n, None, tags), by graph ops, and their scores, float64 (s,)."""
        probabilities = tf.nn.softmax(logits.values / self.temperature)
        if self.decoding == tag_decoding.FREE:
            tags = tf.argmax(probabilities, axis=1, output_type=tf.int32)
        else:
            scores = tf.cast(tf.math.log(probabilities + tag_decoding.TINY), tf.float64)
            tags = tag_graph.best_tags(logits.with_values(scores))
        spans = tag_graph.find_spans(tags, logits.row_lengths())
        ragged = logits.with_values(probabilities)
        return spans, tag_graph.score_spans(spans, tags, ragged, self.decoding, self.scoring)

    def word_losses(self, logits: Ragged, tags: np.ndarray) -> np.ndarray:
        """The cross-entropy of each word, float32 (w,)."""
        return -tag_decoding.log_probabilities(self.probabilities(logits)[np.arange(len(tags)), tags])

    @property
    def summary(self) -> str:
        return counted(len(self.labels), "entity type")

    def report(self, metrics: dict[str, Any]) -> RenderableType:
        return span_tables(metrics)
