"""token-classification: labelled spans of words in a text, such as named entities."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice, tee
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.layers import relu
from textgraft.backbones.split_network import SplitNetwork
from textgraft.data.annotations import TaggedText
from textgraft.data.bounds import bounded_windows, text_bytes
from textgraft.data.predicted_entities import Entity, entity_arrays
from textgraft.data.python_inputs import is_source, one_line
from textgraft.data.tagged import TaggedDataset, read_tagged
from textgraft.data.tags import Span
from textgraft.errors import ConfigError
from textgraft.evaluation.span_metrics import span_metrics
from textgraft.evaluation.threshold_curves import ThresholdCurve, threshold_curve
from textgraft.task_specs.token_classification import (
    CONVOLUTION_WIDTHS,
    KERNEL_SIZE,
    SPLITTINGS,
    STRIP_HTML_PROBLEM,
)
from textgraft.tasks import tag_decoding, tag_graph
from textgraft.tasks.architecture import Architecture
from textgraft.tasks.finite_outputs import require_finite_outputs
from textgraft.tasks.objectives import DECIMALS
from textgraft.tasks.objectives.tags import Tags
from textgraft.tasks.row_results import EntityMatches, OnResults, RowResult
from textgraft.tasks.texts import WINDOW
from textgraft.tasks.trainable import TrainableTask, WithProgress
from textgraft.tasks.unknown_tokens import SAMPLE
from textgraft.tasks.word_rows import AlignmentCount, WordRows, align_spans, mean_of_rows, widen_to_words
from textgraft.text.words import Words, word_pattern
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.id_cache import IdCache
from textgraft.training.inference import compute_outputs
from textgraft.training.ragged import Ragged
from textgraft.training.token_ids import TruncationCount
from textgraft.training.token_inputs import WordInputs

_WORD_BYTES = 120  # of a word's start and end in memory


class EntitiesWithVectors(NamedTuple):
    """The entities of n texts, their pooled vectors, float32 (n, dim), and the lowest probability of a tag in each."""

    entities: list[list[Entity]]
    vectors: np.ndarray
    lowest: np.ndarray


class TokenClassifier(TrainableTask):
    """Texts to labelled spans of words, by a tag for each word.

    The tag of a word is predicted at its first token (Devlin et al., 2018, section 5.3,
    https://arxiv.org/abs/1810.04805). Texts longer than the sequence length become several overlapping rows; nothing is
    truncated.

    Attributes:
        word_rows: from texts to words and rows of tokens.
    """

    name = "token-classification"
    public = ("labels", "precision_recall_curve", "predict", "splitting")
    objective: Tags
    input_spec = WordInputs.spec

    def __init__(
        self,
        preset: str | Path | Backbone,
        labels: Sequence[str],
        precision: str = "auto",
        *,
        splitting: str = "signs",
        decoding: str = "constrained",
        convolution: bool | None = None,
        scoring: str = tag_decoding.SPANS,
        temperature: float = 1.0,
        min_confidence: float = 0.0,
        **options: Any,
    ) -> None:
        """Load the backbone and build an untrained head.

        Args:
            preset: name, address or path; see docs/guide/presets.md.
            labels: types of spans, at least one.
            precision: "auto", "float32" or "mixed_bfloat16".
            splitting: of running text into words: "signs" (at each punctuation mark), "edges" (at those at the ends of
                a word) or "characters" (at each character). Scripts without spaces are split at each character.
            decoding: "constrained" (valid tag sequences only) or "free".
            convolution: whether the head's hidden layers are convolutions over tokens; by default where the backbone's
                vectors do not depend on neighbours.
            scoring: of entities: "spans" (their probability) or "words" (the mean of their words' probabilities).
            temperature: divides the logits of tags; `fit` determines it.
            min_confidence: lowest score of an entity that is predicted.
            options: arguments of all models (see `Task`); pooling has no effect.

        Raises:
            ConfigError: for no labels, duplicates, or an unknown option.
        """
        if not isinstance(splitting, str) or splitting not in SPLITTINGS:
            raise ConfigError(f"splitting {one_line(splitting)} is unknown; choose one of {', '.join(SPLITTINGS)}")
        self.objective = Tags(labels, decoding, scoring, temperature, min_confidence)
        self.splitting, self._convolution = splitting, convolution
        super().__init__(preset, precision, **options)
        self.word_rows = WordRows(
            self.backbone, self.architecture.cleaning, self.architecture.sequence_length, splitting
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Types of spans."""
        return self.objective.labels

    @property
    def output_labels(self) -> tuple[str, ...]:
        return self.objective.tag_names

    def fill_architecture(self, options: Mapping[str, Any]) -> Architecture:
        architecture = super().fill_architecture(options)
        if architecture.cleaning.strip_html:
            raise ConfigError(STRIP_HTML_PROBLEM)
        return architecture

    def build_head(self) -> keras.Model:
        """From token vectors (b, t, dim) and their mask to logits of tags (b, t, tags), in float32."""
        if self._convolution is None:
            self._convolution = not self.backbone.contextual
        seed, rate = self.architecture.seed, self.architecture.dropout
        vectors = keras.Input((None, self.backbone.dim), name="vectors")
        mask = keras.Input((None,), dtype="int32", name="padding_mask")
        is_token = keras.ops.cast(mask[:, :, None], "float32")
        x = vectors * is_token if self._convolution else vectors
        widths = self.architecture.hidden or (CONVOLUTION_WIDTHS if self._convolution else ())
        for index, width in enumerate(widths):
            x = keras.layers.Dropout(rate, seed=seed + index, name=f"dropout_{index}")(x)
            initializer = keras.initializers.GlorotUniform(seed=seed + index)
            options: dict[str, Any] = {
                "activation": relu, "kernel_initializer": initializer, "dtype": "float32", "name": f"hidden_{index}"
            }  # fmt: skip
            if self._convolution:  # padding stays zero in every layer
                x = keras.layers.Conv1D(width, KERNEL_SIZE, padding="same", **options)(x) * is_token
            else:
                x = keras.layers.Dense(width, **options)(x)
        x = keras.layers.Dropout(rate, seed=seed, name="dropout")(x)
        initializer = keras.initializers.TruncatedNormal(stddev=0.02, seed=seed)
        x = keras.layers.Dense(self.objective.width, kernel_initializer=initializer, dtype="float32", name="logits")(x)
        return keras.Model({"vectors": vectors, "padding_mask": mask}, x, name="head")

    def settings(self) -> dict[str, Any]:
        return {
            "labels": list(self.labels),
            "splitting": self.splitting,
            "convolution": bool(self._convolution),
            **self.objective.settings(),
        }

    # === Network ===

    def apply_head(self, vectors: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        return self.head({"vectors": vectors, "padding_mask": mask})

    def forward(self, batch: Any, training: bool = False, split: SplitNetwork | None = None) -> tf.RaggedTensor:
        """Rows, and positions of words in them, to logits of tags: float32 ragged (b, None, tags)."""
        rows, positions = batch
        return self._word_logits(*(split or self._encoder).vectors(rows, training), positions, training)

    def _word_logits(
        self, vectors: tf.Tensor, mask: tf.Tensor, positions: tf.RaggedTensor, training: bool
    ) -> tf.RaggedTensor:
        logits = self.head({"vectors": vectors, "padding_mask": mask}, training=training)  # (b, t, tags)
        row_ids = tf.cast(positions.value_rowids(), tf.int32)
        return positions.with_values(tf.gather_nd(logits, tf.stack([row_ids, positions.values], axis=1)))

    def _forward_with_vectors(self, batch: Any, training: bool) -> tuple[tf.RaggedTensor, tf.Tensor]:
        """The logits of `forward`, and the pooled vector of each row, float32 (b, dim)."""
        rows, positions = batch
        vectors, mask = self._encoder.vectors(rows, training)
        return self._word_logits(vectors, mask, positions, training), self.pooling(vectors, mask)

    def serve(self, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        (texts,) = texts
        words, rows = self.word_rows.pack(texts)
        logits = self.forward((rows.token_ids, rows.positions)).values
        logits = tf.RaggedTensor.from_row_lengths(logits, words.lengths, validate=False)
        spans, scores = self.objective.graph_spans(logits)
        return tag_graph.entities(texts, words, spans, scores, self.labels, self.objective.min_confidence)

    def inference_settings(self) -> dict[str, Any]:
        """Without the temperature, which exported networks have in their weights."""
        settings = self.objective.settings()
        return {
            "problem": None,
            "labels": list(self.labels),
            "classes": list(self.labels),
            "tags": list(self.output_labels),
            **{name: value for name, value in settings.items() if name != "temperature"},
            "word_pattern": word_pattern(self.splitting),
            "space_before_words": self.backbone.space_before_words,
        }

    def reference_answers(
        self, texts: Sequence[Any], truncated: TruncationCount | None = None
    ) -> dict[str, np.ndarray]:
        with self.ignoring_unknown():
            rows = [row for (part,) in self.answers(self.text_batches(texts)) for row in part]
        return entity_arrays(rows)

    # === Training and evaluation ===

    def examples(self, data: TaggedDataset, cache: IdCache | None = None) -> Examples[TokenInputs]:  # type: ignore[override]
        """Rows of tokens, and the tags of the words that start in each row, int32 ragged (r, None)."""
        label_ids, count = self._label_ids(data), AlignmentCount()
        tags = [np.empty(0, np.int32)]

        def words_of_chunks() -> Iterator[Words]:
            for texts in _chunks(data):
                words = self.word_rows.words(texts)
                tags.append(align_spans(texts, words, count).tags(words.lengths, label_ids))
                yield words

        inputs = self.word_rows.inputs(words_of_chunks())
        lengths = inputs.positions.lengths
        targets = Ragged(np.concatenate(tags), lengths)
        return Examples(inputs, targets, lengths, max(1, count.spans), count.notices(data.source))

    def sample_texts(self, data: Any) -> np.ndarray:
        return np.array([text.text.encode() for text in islice(data, SAMPLE)], object)

    def check_labels(self, data: TaggedDataset) -> None:  # type: ignore[override]
        data.require_known_labels(self.labels)

    def example_location(self, data: Any, row: int) -> str:
        return f"{data.source}, window {row + 1}"

    def _evaluate(  # type: ignore[override]
        self,
        data: TaggedDataset,
        truncated: TruncationCount,
        with_progress: WithProgress,
        on_results: OnResults | None = None,
    ) -> dict[str, Any]:
        """Loss, "alignment" (numbers of labelled spans, widened and dropped ones), and all metrics of `span_metrics`.

        With a `min_confidence`, also "below_min_confidence": the number of dropped entities by label. Spans are
        compared by their code points, labelled ones as whole words; see `Alignment`.
        """
        label_ids, count, dropped = self._label_ids(data), AlignmentCount(), Counter[str]()
        loss, words_seen, start = 0.0, 0, 0

        def span_pairs() -> Iterator[tuple[list[Span], list[Span]]]:
            nonlocal loss, words_seen, start
            for texts in with_progress(_chunks(data)):
                words = self.word_rows.words(texts)
                logits, alignment = self.word_logits(texts, words), align_spans(texts, words, count)
                losses = self.objective.word_losses(logits, alignment.tags(words.lengths, label_ids))
                loss, words_seen = loss + float(losses.sum(dtype=np.float64)), words_seen + len(losses)
                decoded = self._decode(texts, words, logits, dropped)
                if on_results:
                    part = data.take(range(start, start + len(texts)))
                    results = map(_row_result, texts, alignment.characters, decoded)
                    on_results(part, list(results))
                start += len(texts)
                for spans, entities in zip(alignment.characters, decoded, strict=True):
                    yield spans, _spans(entities)

        true, predicted = tee(span_pairs())
        with self.counting_unknown():
            metrics = span_metrics((pair[0] for pair in true), (pair[1] for pair in predicted))
        if self.objective.min_confidence:
            metrics["below_min_confidence"] = dict(dropped)
        return {"texts": len(data), "loss": loss / max(1, words_seen), "alignment": asdict(count), **metrics}

    def precision_recall_curve(self, data: Any, labels: Any = None) -> ThresholdCurve:
        """Precision and recall of entities by the lowest score that is taken; arguments and errors: see `evaluate`."""
        parts: list[EntityMatches] = []
        self.evaluate(data, labels, on_results=lambda _, results: parts.append(EntityMatches.of(results)))
        labelled, _, scores, is_right = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return threshold_curve(is_right, scores, int(labelled.sum()))

    # === Prediction ===

    def predict(self, texts: Any, *, text: str | None = None) -> list[Any]:
        """The entities of each text, in order; of a single string, its entities.

        Args:
            texts: a string, a `TaggedDataset`, whose words are used, or any object that holds texts, see `as_batches`.
            text: the column of texts or words, where `texts` is a table or a file; by default as in training.

        Raises:
            DataError: for another object, or a text that is missing.
        """
        with self.counting_unknown():
            if isinstance(texts, TaggedDataset) or is_source(texts):
                rows = texts if isinstance(texts, TaggedDataset) else read_tagged(texts, None, self._reading(text=text))
                return [entities for chunk in _chunks(rows) for entities in self.entities(chunk)]
            answers = [entities for (part,) in self.answers(self.text_batches(texts)) for entities in part]
        return answers[0] if isinstance(texts, str) else answers

    def entities(self, texts: Sequence[TaggedText]) -> list[list[Entity]]:
        """The entities of each text; its words are used where it has them, its spans are not."""
        words = self.word_rows.words(texts)
        return self._decode(texts, words, self.word_logits(texts, words))

    def entities_with_vectors(self, texts: Sequence[TaggedText]) -> EntitiesWithVectors:
        """`entities` with the vectors of texts, by one pass through the network."""
        words = self.word_rows.words(texts)
        inputs = self.word_rows.inputs([words])
        with self.counting_unknown() as unknown:
            unknown.add(inputs.tokens.ids, words.words)
        outputs, row_vectors = compute_outputs(self._infer_with_vectors, inputs, self.batch_tokens)
        logits = _require_finite_logits(Ragged(outputs.values, words.lengths), texts)
        tags, probabilities = self.objective.tags(logits), self.objective.probabilities(logits)
        lowest, text_ids = np.ones(len(texts), np.float32), np.repeat(np.arange(len(texts)), words.lengths)
        np.minimum.at(lowest, text_ids, probabilities[np.arange(len(tags)), tags])
        vectors = mean_of_rows(row_vectors, outputs.lengths, words.lengths)
        return EntitiesWithVectors(self._decode(texts, words, logits), vectors, lowest)

    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[list[Entity]]]]:
        for window in map(self.check_pairs, texts):
            yield [self.entities(_plain_texts(window))]

    def outputs(self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None) -> Iterator[Ragged]:
        """Stream the logits of each word's tags, float32 ragged (m, None, tags)."""
        for window in map(self.check_pairs, texts):
            rows = _plain_texts(window)
            yield self.word_logits(rows, self.word_rows.words(rows))

    def _label_ids(self, data: TaggedDataset) -> dict[str, int]:
        data.require_known_labels(self.labels)
        return {label: index for index, label in enumerate(self.labels)}

    def word_logits(self, texts: Sequence[TaggedText], words: Words) -> Ragged:
        """The logits of the tags of the words of texts, float32 ragged (n, None, tags)."""
        inputs = self.word_rows.inputs([words])
        with self.counting_unknown() as unknown:
            unknown.add(inputs.tokens.ids, words.words)
        return _require_finite_logits(Ragged(self._compute_outputs(inputs).values, words.lengths), texts)

    def _decode(
        self, texts: Sequence[TaggedText], words: Words, logits: Ragged, dropped: Counter[str] | None = None
    ) -> list[list[Entity]]:
        """The entities of each text; `dropped` counts those below `min_confidence` by label."""
        entities: list[list[Entity]] = [[] for _ in texts]
        text_ids = np.repeat(np.arange(len(texts)), words.lengths)
        spans, scores = self.objective.scored_spans(logits)
        for first, end, label, score in zip(*map(np.ndarray.tolist, (*spans, scores)), strict=True):
            if score < self.objective.min_confidence:
                if dropped is not None:
                    dropped[self.labels[label]] += 1
                continue
            text_id, start, stop = text_ids[first], int(words.starts[first]), int(words.ends[end - 1])
            if texts[text_id].words:
                start, stop = widen_to_words(start, stop, texts[text_id].words)
                if entities[text_id] and start < entities[text_id][-1].end:
                    continue  # it shares a given word with the entity before, which is widened to it
            text = texts[text_id].text[start:stop]
            entities[text_id].append(Entity(text, self.labels[label], start, stop, round(score, DECIMALS)))
        return entities


def _require_finite_logits(logits: Ragged, texts: Sequence[TaggedText]) -> Ragged:
    return require_finite_outputs(logits, np.array([text.text.encode() for text in texts], object))  # type: ignore[no-any-return]


def _chunks(data: Iterable[TaggedText]) -> Iterator[list[TaggedText]]:
    return bounded_windows(data, lambda row: text_bytes(row.text) + _WORD_BYTES * len(row.words or ()), WINDOW)


def _plain_texts(texts: np.ndarray) -> list[TaggedText]:
    return [TaggedText(text.decode(), None, []) for text in texts]


def _spans(entities: Sequence[Entity]) -> list[Span]:
    return [Span(entity.start, entity.end, entity.label) for entity in entities]


def _row_result(text: TaggedText, spans: Sequence[Span], entities: Sequence[Entity]) -> RowResult:
    truth = [{"text": text.text[span.start : span.end], **span._asdict()} for span in spans]
    scores = [entity.score for entity in entities]
    score = round(sum(scores) / len(scores), DECIMALS) if scores else None
    return RowResult(truth, [entity._asdict() for entity in entities], score, len(set(spans) ^ set(_spans(entities))))
