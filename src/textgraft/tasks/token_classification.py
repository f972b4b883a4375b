"""token-classification: labelled spans of words in a text, such as named entities."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, tee
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.backbones.base import Backbone
from textgraft.backbones.split_network import SplitNetwork
from textgraft.data.annotations import TaggedText
from textgraft.data.tagged import TaggedDataset
from textgraft.data.tags import Entity, Span
from textgraft.errors import ConfigError
from textgraft.evaluation import tag_ids
from textgraft.evaluation.metric_tables import span_tables
from textgraft.evaluation.span_metrics import span_metrics
from textgraft.task_specs.token_classification import CONVOLUTION, widths
from textgraft.tasks.architecture import Architecture
from textgraft.tasks.texts import WINDOW, as_batches
from textgraft.tasks.trainable import TrainableTask, Watch
from textgraft.tasks.word_rows import Widening, WordRows, tags_of
from textgraft.text.words import SPLITTING, Words
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.inference import compute_outputs
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import IdCache, TruncationCount, WordInputs

DECODINGS = ("constrained", "free")

_DECIMALS = 6
_TINY = 1e-30  # a probability has a logarithm


class TokenClassifier(TrainableTask):
    """Texts to labelled spans of words, by a tag for each word (IOB2).

    The first piece of a word speaks for it (Devlin et al., 2018, section 5.3, https://arxiv.org/abs/1810.04805). Texts
    longer than the sequence length become several overlapping rows; nothing of them is dropped.
    """

    name = "token-classification"
    pooled = False
    input_spec = WordInputs.spec
    score = "f1"

    def __init__(
        self,
        preset: str | Path | Backbone,
        labels: Sequence[str],
        precision: str = "auto",
        *,
        splitting: str = "signs",
        decoding: str = "constrained",
        convolution: bool | None = None,
        **architecture: Any,
    ) -> None:
        """Load the backbone and put an untrained head on it.

        Args:
            preset: see `load_backbone`.
            labels: types of spans, at least one, each once.
            precision: "auto", "float32" or "mixed_bfloat16".
            splitting: how a text as a whole is split into words, one of `text.words.SPLITTING`.
            decoding: "constrained" takes the most probable tags in which no span goes on that has not begun, "free" the
                most probable tag of each word.
            convolution: whether the head looks at neighbours; None where the backbone does not.
            architecture: fields of `Architecture`, and what `tasks.base.Task` takes. Pooling has no effect.

        Raises:
            ConfigError: for no labels, doubled ones, or a word that is unknown.
        """
        self.labels = tuple(labels)
        if isinstance(labels, str) or not labels or len(set(self.labels)) < len(self.labels):
            raise ConfigError(f"labels must be at least one string, each once, not {labels!r}")
        for what, value, known in (("splitting", splitting, SPLITTING), ("decoding", decoding, DECODINGS)):
            if value not in known:
                raise ConfigError(f"{what} {value!r} is unknown; choose one of {', '.join(known)}")
        self.splitting, self.decoding, self._convolution = splitting, decoding, convolution
        super().__init__(preset, precision, **architecture)
        self._rows = WordRows(self.backbone, self.architecture.cleaning, self.architecture.sequence_length, splitting)

    def filled(self, architecture: Mapping[str, Any]) -> Architecture:
        """An architecture that leaves all words in their places; see `Task.filled`."""
        filled = super().filled(architecture)
        if filled.cleaning.strip_html:
            raise ConfigError("strip_html takes words away, and labels speak of words; leave it out")
        return filled

    def build_head(self) -> keras.Model:
        """From token vectors (b, t, dim) and their mask to logits of tags (b, t, tags), in float32."""
        if self._convolution is None:
            self._convolution = not self.backbone.contextual
        seed, rate = self.architecture.seed, self.architecture.dropout
        vectors = keras.Input((None, self.backbone.dim), name="vectors")
        mask = keras.Input((None,), dtype="int32", name="padding_mask")
        real = keras.ops.cast(mask[:, :, None], "float32")
        x = vectors * real if self._convolution else vectors
        for number, width in enumerate(widths(self.settings(), self.architecture.hidden)):
            x = keras.layers.Dropout(rate, seed=seed + number, name=f"dropout_{number}")(x)
            first = {"kernel_initializer": keras.initializers.GlorotUniform(seed=seed + number), "dtype": "float32"}
            name = f"hidden_{number}"
            if self._convolution:  # over real tokens only: padding is zeros to each layer
                x = keras.layers.Conv1D(width, CONVOLUTION, padding="same", activation="relu", name=name, **first)(x)
                x = x * real
            else:
                x = keras.layers.Dense(width, "relu", name=name, **first)(x)
        x = keras.layers.Dropout(rate, seed=seed, name="dropout")(x)
        first = keras.initializers.TruncatedNormal(stddev=0.02, seed=seed)
        tags = tag_ids.tag_count(len(self.labels))
        x = keras.layers.Dense(tags, kernel_initializer=first, dtype="float32", name="logits")(x)
        return keras.Model({"vectors": vectors, "padding_mask": mask}, x, name="head")

    def settings(self) -> dict[str, Any]:
        """Labels, and how words are split, decoded and seen."""
        return {
            "labels": list(self.labels),
            "splitting": self.splitting,
            "decoding": self.decoding,
            "convolution": bool(self._convolution),
        }

    def summary(self) -> str:
        """How many labels."""
        return f"{len(self.labels)} labels of spans"

    # === The network ===

    def on_top(self, vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        """Logits of tags for every token."""
        return self.head({"vectors": vectors, "padding_mask": mask})

    def forward(self, batch: Any, training: bool = False) -> tf.RaggedTensor:
        """Rows and positions of words to logits of tags, float32 ragged (b, None, tags), as graph ops."""
        rows, positions = batch
        return self._at_words(*self.backbone.vectors(rows, training), positions, training)

    def above(self, halves: SplitNetwork, batch: Any, training: bool = False) -> tf.RaggedTensor:
        """`forward` from what the lower half of the backbone gave."""
        hidden, positions = batch
        return self._at_words(*halves.vectors(hidden, training), positions, training)

    def _at_words(
        self, vectors: tf.Tensor, mask: tf.Tensor, positions: tf.RaggedTensor, training: bool
    ) -> tf.RaggedTensor:
        logits = self.head({"vectors": vectors, "padding_mask": mask}, training=training)  # (b, t, tags)
        rows = tf.cast(positions.value_rowids(), tf.int32)
        return positions.with_values(tf.gather_nd(logits, tf.stack([rows, positions.values], axis=1)))

    def loss(self, targets: tf.RaggedTensor, outputs: tf.RaggedTensor) -> tf.Tensor:
        """Cross-entropy from logits, summed over the words of a row: float32 (b,)."""
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets.values, outputs.values)
        return tf.math.unsorted_segment_sum(losses, targets.value_rowids(), targets.nrows())

    def metrics(self, targets: Ragged, outputs: Ragged) -> dict[str, float]:
        """Share of words with the right tag, for the history."""
        right = outputs.values.argmax(axis=1) == targets.values
        return {"accuracy": float(right.mean()) if len(right) else 0.0}

    def scores(self, targets: Ragged, outputs: Ragged) -> dict[str, float]:
        """And the F1 of spans; one that reaches over the border of two rows counts as two."""
        true, found = (tag_ids.tags_to_spans(tags, targets.lengths) for tags in (targets.values, self._tags(outputs)))
        return {**self.metrics(targets, outputs), "f1": tag_ids.span_f1(true, found)}

    # === Data ===

    def examples(self, data: TaggedDataset, kept: IdCache | None = None) -> Examples[TokenInputs]:  # type: ignore[override]
        """Rows of tokens, and the tags of the words each row speaks for, int32 ragged (r, None).

        Raises:
            DataError: for a label the model does not have.
        """
        types, count = self._types(data), Widening()
        tags = [np.empty(0, np.int32)]

        def words() -> Iterator[Words]:
            for texts in _chunks(data):
                found = self._rows.words(texts)
                tags.append(tags_of(texts, found, types, count))
                yield found

        inputs = self._rows.inputs(words())
        lengths = inputs.positions.lengths
        targets = Ragged(np.concatenate(tags), lengths)
        return Examples(inputs, targets, lengths, max(1, count.spans), count.lines(data.source))

    def place(self, data: Any, row: int) -> str:
        """Rows are windows of texts."""
        return f"{data.source}, window {row + 1}"

    def measured(self, data: TaggedDataset, truncated: TruncationCount, watch: Watch) -> dict[str, Any]:  # type: ignore[override]
        """Loss, and all that `span_metrics` gives; spans are compared by their code points."""
        types, count, losses = self._types(data), Widening(), _Mean()

        def pairs() -> Iterator[tuple[list[Span], list[Span]]]:
            for texts in watch(_chunks(data)):
                words = self._rows.words(texts)
                logits = self._logits(words)
                losses.add(_cross_entropies(logits, tags_of(texts, words, types, count)))
                for text, found in zip(texts, self._entities(texts, words, logits), strict=True):
                    yield text.spans, [Span(entity.start, entity.end, entity.label) for entity in found]

        true, predicted = tee(pairs())
        found = span_metrics((pair[0] for pair in true), (pair[1] for pair in predicted))
        return {"texts": len(data), "loss": losses.value, **found}

    def report(self, found: dict[str, Any]) -> RenderableType:
        """A summary, a table per label, and other ways to count."""
        return span_tables(found)

    # === Prediction ===

    def predict(self, texts: Sequence[str] | TaggedDataset) -> list[list[Entity]]:
        """The spans found in each text, in order."""
        if isinstance(texts, TaggedDataset):
            return [found for part in _chunks(texts) for found in self.entities(part)]
        return [found for (part,) in self.answers(as_batches(texts)) for found in part]

    def entities(self, texts: Sequence[TaggedText]) -> list[list[Entity]]:
        """The spans found in each text; its own words count where it has them, its own spans do not."""
        words = self._rows.words(texts)
        return self._entities(texts, words, self._logits(words))

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """The entities."""
        return ("entities",)

    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[list[Entity]]]]:
        """Stream the spans found."""
        for window in map(self._fitting, texts):
            yield [self.entities(_plain(window))]

    def outputs(self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None) -> Iterator[Ragged]:
        """Logits of the tags of each word, float32 ragged (m, None, tags), a window of texts after the other."""
        for window in map(self._fitting, texts):
            yield self._logits(self._rows.words(_plain(window)))

    def _types(self, data: TaggedDataset) -> dict[str, int]:
        data.require_labels(self.labels)
        return {label: number for number, label in enumerate(self.labels)}

    def _logits(self, words: Words) -> Ragged:
        inputs = self._rows.inputs([words])
        found = compute_outputs(self._infer, inputs, self.backbone.training_defaults.batch_tokens)
        return Ragged(found.values, words.lengths)

    def _entities(self, texts: Sequence[TaggedText], words: Words, logits: Ragged) -> list[list[Entity]]:
        probabilities = _softmax(logits.values)
        tags = self._tags(logits)
        sure = probabilities[np.arange(len(tags)), tags]
        found: list[list[Entity]] = [[] for _ in texts]
        owners = np.repeat(np.arange(len(texts)), words.lengths)
        for first, end, kind in zip(*map(np.ndarray.tolist, tag_ids.tags_to_spans(tags, words.lengths)), strict=True):
            owner, start, stop = owners[first], int(words.starts[first]), int(words.ends[end - 1])
            score = round(float(sure[first:end].mean()), _DECIMALS)
            found[owner].append(Entity(texts[owner].text[start:stop], self.labels[kind], start, stop, score))
        return found

    def _tags(self, logits: Ragged) -> np.ndarray:
        """The tag of each word, int (w,)."""
        if self.decoding == "free":
            return np.asarray(logits.values.argmax(axis=1))
        return tag_ids.viterbi(np.log(_softmax(logits.values) + _TINY), logits.lengths)


class _Mean:
    """A mean of values that come in parts."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def add(self, values: np.ndarray) -> None:
        """Count some values."""
        self._sum, self._count = self._sum + float(values.sum(dtype=np.float64)), self._count + len(values)

    @property
    def value(self) -> float:
        """Of all values; 0 of none."""
        return self._sum / max(1, self._count)


def _chunks(data: Iterable[TaggedText]) -> Iterator[list[TaggedText]]:
    rows = iter(data)
    while chunk := list(islice(rows, WINDOW)):
        yield chunk


def _plain(texts: np.ndarray) -> list[TaggedText]:
    return [TaggedText(text.decode(), None, []) for text in texts]


def _softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def _cross_entropies(logits: Ragged, tags: np.ndarray) -> np.ndarray:
    return np.asarray(-np.log(_softmax(logits.values)[np.arange(len(tags)), tags] + _TINY))
