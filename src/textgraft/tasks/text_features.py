"""What a model computes for texts that are to be labelled or compared: vectors, answers, and how doubtful these are."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from textgraft.data.annotations import TaggedText
from textgraft.data.array_sizes import array_bytes
from textgraft.data.bounds import window_slices
from textgraft.data.labels import MULTI, REGRESSION
from textgraft.data.streams import texts_of
from textgraft.data.tagged import tagged_texts
from textgraft.tasks.objectives import TextObjective
from textgraft.tasks.texts import WINDOW
from textgraft.training.token_ids import TruncationCount

_ENTITIES = "token-classification"
_LISTS = ("answers", "confidences")


@dataclass(frozen=True)
class TextFeatures:
    """Features of n texts.

    Attributes:
        vectors: pooled vectors, float32 (n, dim).
        answers: of each text its label, also where the model abstains, its set of labels, its number or its entities.
        confidences: of each answer; the probability of a label, of each label of a set, None for a number, and the mean
            score of entities, None without any.
        doubts: float64 (n,), 1 for the most doubtful answer and 0 for a certain one. Of a label, 1 less the difference
            between the two highest probabilities; of a set, twice the largest residual, at most 1; of entities, 1 less
            the lowest probability of a tag; of numbers, which have no probability, 1.
        residuals: float64 (n, c): of each label, its probability less 1 where it is the answer, 0 where it is not; of
            entities and numbers one column, the doubts.
    """

    vectors: np.ndarray
    answers: list[Any]
    confidences: list[Any]
    doubts: np.ndarray
    residuals: np.ndarray

    def __len__(self) -> int:
        return len(self.answers)


def features_of_rows(model: Any, rows: pa.RecordBatch, truncated: TruncationCount) -> Iterator[TextFeatures]:
    """Stream the features of rows of `InputRows`, window by window, by a `TextClassifier` or a `TokenClassifier`.

    `truncated` counts dropped tokens; a PredictionError reports an output that is not finite.
    """
    sizes = sum(map(array_bytes, rows.columns), np.zeros(len(rows), np.int64))
    with model.counting_unknown():
        for part in window_slices(sizes, WINDOW):
            window = rows.slice(part.start, part.stop - part.start)
            if model.name == _ENTITIES:
                yield entity_features(model, tagged_texts(window))
            else:
                yield from classifier_features(model, [texts_of(window).inputs], truncated)


def classifier_features(model: Any, texts: Iterable[np.ndarray], truncated: TruncationCount) -> Iterator[TextFeatures]:
    """Stream the features of texts, object arrays of UTF-8 bytes, (n,) or (n, 2), by a `TextClassifier`."""
    for vectors, outputs in model.outputs_with_vectors(texts, truncated):
        yield features_of_outputs(model.objective, vectors, outputs)


def features_of_outputs(objective: TextObjective, vectors: np.ndarray, outputs: np.ndarray) -> TextFeatures:
    """The features of texts from their vectors, float32 (n, dim), and the outputs of the head for them."""
    probabilities = objective.probabilities(outputs)
    answers = objective.best_answers(probabilities)
    if objective.name == REGRESSION:
        ones = np.ones(len(vectors))
        return TextFeatures(vectors, answers, [None] * len(vectors), ones, ones[:, np.newaxis])
    is_answer = _is_answer(objective, answers)
    residuals = probabilities.astype(np.float64) - is_answer
    if objective.name == MULTI:
        confidences = [row[chosen].tolist() for row, chosen in zip(probabilities.astype(float), is_answer, strict=True)]
        doubts = np.minimum(1.0, 2 * np.abs(residuals).max(axis=1))
        return TextFeatures(vectors, answers, confidences, doubts, residuals)
    highest = np.partition(probabilities.astype(np.float64), -2, axis=1)[:, -2:]
    doubts = 1 - (highest[:, 1] - highest[:, 0])
    return TextFeatures(vectors, answers, highest[:, 1].tolist(), doubts, residuals)


def entity_features(model: Any, texts: Sequence[TaggedText]) -> TextFeatures:
    """The features of texts, whose words are used where they are given, by a `TokenClassifier`."""
    entities, vectors, lowest = model.entities_with_vectors(texts)
    doubts = 1 - lowest.astype(np.float64)
    confidences = [sum(entity.score for entity in row) / len(row) if row else None for row in entities]
    return TextFeatures(vectors, entities, confidences, doubts, doubts[:, np.newaxis])


def join_features(parts: Iterable[TextFeatures]) -> TextFeatures:
    """The features of all texts of at least one part."""
    parts = list(parts)
    vectors, doubts, residuals = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("vectors", "doubts", "residuals")
    )
    answers, confidences = ([item for part in parts for item in getattr(part, name)] for name in _LISTS)
    return TextFeatures(vectors, answers, confidences, doubts, residuals)


def _is_answer(objective: TextObjective, answers: Sequence[Any]) -> np.ndarray:
    """Whether each label is an answer, bool (n, labels)."""
    ids = {label: index for index, label in enumerate(objective.classes)}
    is_answer = np.zeros((len(answers), len(ids)), bool)
    for row, answer in enumerate(answers):
        is_answer[row, [ids[label] for label in (answer if isinstance(answer, list) else [answer])]] = True
    return is_answer
