"""Explanations of the entities of a token classifier.

Words are hidden in the rows of tokens, not removed from the text, so that the words of an entity remain where they are.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from textgraft.data.annotations import TaggedText
from textgraft.data.label_types import Label
from textgraft.data.labels import join_labels
from textgraft.data.tagged import tagged_texts
from textgraft.errors import ConfigError
from textgraft.explanation.entity_scores import EntityScores, PackedText
from textgraft.explanation.explanation import INTEGRATED_GRADIENTS, Explanation, WordAttribution
from textgraft.explanation.hidden_words import HiddenWords
from textgraft.explanation.integrated_gradients import IntegratedGradients
from textgraft.explanation.row_values import ExplainedRow
from textgraft.tasks.token_classification import TokenClassifier
from textgraft.text.words import Words
from textgraft.training.ragged import Ragged

# Attributions that are in memory at once, of all words for each of some entities.
_MAX_ATTRIBUTIONS = 1 << 20


class _Entity(NamedTuple):
    """A span of words, from `first` up to but not including `end`, its score, and the tags of its words."""

    first: int
    end: int
    label: int
    score: float
    tags: np.ndarray


class EntityExplanations:
    """The explanations of the entities of a text: their number is known before they are computed one after another."""

    def __init__(self, count: int, explanations: Iterator[Explanation]) -> None:
        self._count, self._explanations = count, explanations

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Explanation]:
        return self._explanations


class EntityExplainer:
    """Explains the entities that a `TokenClassifier` predicts, with its present weights, by one of the `METHODS`.

    The explained value is the mean over the words of an entity of the logit of the word's tag minus the mean of those
    of the other tags.
    """

    def __init__(self, model: TokenClassifier, method: str) -> None:
        self._model, self._method = model, method
        self._attributor = (IntegratedGradients if method == INTEGRATED_GRADIENTS else HiddenWords)(model)
        self._scores = EntityScores(model)
        self._packed: PackedText | None = None  # the text that was explained last

    def items(self, texts: np.ndarray) -> Iterator[TaggedText]:
        """What `explain` takes, from texts, object (n,) of UTF-8 bytes."""
        return (TaggedText(text.decode(), None, []) for text in self._model.check_pairs(texts))

    def items_of_rows(self, rows: pa.RecordBatch) -> Iterator[TaggedText]:
        """What `explain` takes, from rows of `InputRows`."""
        return iter(tagged_texts(rows))

    def explain(self, text: TaggedText, label: Label | None) -> EntityExplanations:
        """The explanations of the entities of a text, or of those with a label.

        Raises:
            ConfigError: for a label that the model does not have.
        """
        labels = self._model.labels
        if label is not None and label not in labels:
            raise ConfigError(f"the model has no label {str(label)!r:.60}; choose one of {join_labels(labels)}")
        words = self._model.word_rows.words([text])
        logits = self._model.word_logits([text], words)
        entities = [entity for entity in self._entities(logits) if label in (None, labels[entity.label])]
        if not entities:
            return EntityExplanations(0, iter(()))
        packed = self._packed = self._pack(text.text, words, logits)
        return EntityExplanations(len(entities), self._explain_all(packed, entities))

    def checked_words(self, explanation: Explanation) -> np.ndarray:
        """The words, int64 (n,), that are hidden in a check of an explanation: those that the model sees together."""
        first, end, _ = self._span(explanation)
        return self._packed_text(explanation).words_with(first, end)

    def scores_without(self, explanation: Explanation, removed: Sequence[np.ndarray]) -> np.ndarray:
        """The score of an explained entity while words are hidden, float64 (n,), from indices of words, int (h,) each.

        The score is that of the same span and label, whether or not it is still predicted.
        """
        return self._scores.without(self._packed_text(explanation), self._span(explanation), removed)

    def _packed_text(self, explanation: Explanation) -> PackedText:
        if self._packed is None or self._packed.text is not explanation.text:
            (text,) = explanation.parts
            tagged = TaggedText(text, [(word.start, word.end) for word in explanation.words], [])
            words = self._model.word_rows.words([tagged])
            self._packed = self._pack(text, words, self._model.word_logits([tagged], words))
        return self._packed

    def _span(self, explanation: Explanation) -> tuple[int, int, int]:
        """The first word, the word after the last, and the index of the label of an entity."""
        start, end = explanation.span or (0, 0)
        starts, ends = ([getattr(word, side) for word in explanation.words] for side in ("start", "end"))
        return starts.index(start), ends.index(end) + 1, self._model.labels.index(str(explanation.label))

    def _explain_all(self, packed: PackedText, entities: Sequence[_Entity]) -> Iterator[Explanation]:
        count = max(1, _MAX_ATTRIBUTIONS // len(packed.words.starts))
        for start in range(0, len(entities), count):
            yield from self._explain(packed, entities[start : start + count])

    def _explain(self, packed: PackedText, entities: Sequence[_Entity]) -> Iterator[Explanation]:
        text, labels = packed.text, self._model.labels
        bounds = list(zip(packed.words.starts.tolist(), packed.words.ends.tolist(), strict=True))
        rows = _rows(packed, entities, self._model.objective.width)
        results = self._attributor.attribute(rows, len(bounds), [0.0] * len(entities))
        for entity, result in zip(entities, results, strict=True):
            yield Explanation(
                row=0,
                text=text,
                label=labels[entity.label],
                score=entity.score,
                words=tuple(
                    WordAttribution(text[start:end], start, end, attribution)
                    for (start, end), attribution in zip(bounds, result.words.tolist(), strict=True)
                ),
                method=self._method,
                **{name: value for name, value in result._asdict().items() if name != "words"},
                span=(bounds[entity.first][0], bounds[entity.end - 1][1]),
            )

    def _entities(self, logits: Ragged) -> list[_Entity]:
        tags = self._model.objective.tags(logits)
        spans, scores = self._model.objective.spans(logits)
        return [
            _Entity(first, end, label, score, tags[first:end])
            for first, end, label, score in zip(*map(np.ndarray.tolist, (*spans, scores)), strict=True)
        ]

    def _pack(self, text: str, words: Words, logits: Ragged) -> PackedText:
        inputs = self._model.word_rows.inputs([words])
        return PackedText(
            text,
            words,
            Ragged(inputs.tokens.ids, inputs.lengths),
            self._model.word_rows.word_indices(words),
            inputs.positions.values,
            np.repeat(np.arange(len(inputs)), inputs.positions.lengths),
            logits.values,
        )


def _rows(packed: PackedText, entities: Sequence[_Entity], tag_count: int) -> list[ExplainedRow]:
    """For each entity, the rows that have a word of it at the position where its tag is predicted."""
    rows = []
    for value, entity in enumerate(entities):
        span, size = slice(entity.first, entity.end), entity.end - entity.first
        for row in np.unique(packed.rows[span]).tolist():
            token_ids, words = packed.row(row)
            is_in_row = packed.rows[span] == row
            positions = packed.positions[span][is_in_row]
            weights = np.zeros((len(token_ids), tag_count), np.float32)
            weights[positions] = -1 / (size * (tag_count - 1))
            weights[positions, entity.tags[is_in_row]] = 1 / size
            rows.append(ExplainedRow(token_ids, len(token_ids), words, weights, value))
    return rows
