"""Suggestions of texts to label next, from the rows of a pool."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from textgraft.data.random_splits import text_digests
from textgraft.data.row_sample import RowSample
from textgraft.data.seen_texts import SeenRows, SeenTexts, salted_digests
from textgraft.data.streams import texts_of
from textgraft.suggestions.near_duplicates import NearDuplicates
from textgraft.suggestions.selection import select_informative
from textgraft.tasks.base import Task
from textgraft.tasks.text_features import features_of_rows, join_features
from textgraft.training.token_ids import TruncationCount


@dataclass(frozen=True)
class Suggestions:
    """Rows to label next, the most informative first.

    Attributes:
        rows: of `InputRows`.
        answers: of the model; see `TextFeatures`.
        confidences: likewise.
        doubts: likewise, float64 (n,).
    """

    rows: pa.RecordBatch
    answers: list[Any]
    confidences: list[Any]
    doubts: np.ndarray


class Pool:
    """Texts without labels: a random sample of those that the model has not seen, each once.

    Attributes:
        seen: number of rows that are excluded, since the model has seen them.
    """

    def __init__(self, max_rows: int, seen: SeenTexts | None, seed: int) -> None:
        """`seen` are the texts of the model's training; the seed is that of the sample."""
        self._sample = RowSample(max_rows)
        self._seen = None if seen is None else SeenRows(seen)
        self._salt = blake2b(str(seed).encode(), digest_size=16).digest()
        self.seen = 0

    def add(self, rows: pa.RecordBatch) -> None:
        """Add rows of `InputRows`."""
        digests = text_digests(texts_of(rows).joined)
        if self._seen is not None:
            is_unseen = self._seen.add(digests)
            rows, digests = rows.filter(pa.array(is_unseen)), digests[is_unseen]
            self.seen += int((~is_unseen).sum())
        self._sample.add(rows, salted_digests(digests, self._salt))

    @property
    def rows(self) -> int:
        """Number of rows that were added and are not excluded."""
        return self._sample.rows

    @property
    def is_part(self) -> bool:
        """Whether the sample lacks some of the different texts."""
        return self._sample.is_part

    def sample(self) -> pa.RecordBatch:
        """The rows of the sample; some must have been added."""
        return self._sample.take()


def suggest_rows(
    model: Task,
    rows: pa.RecordBatch,
    count: int,
    seed: int,
    truncated: TruncationCount,
    with_progress: Callable[[Iterable[Any]], Iterable[Any]] = iter,
) -> Suggestions:
    """Choose the rows whose labels would teach the model most; of near duplicates, one is chosen.

    Args:
        model: a trained `TextClassifier` or `TokenClassifier`.
        rows: of `InputRows`, at least one.
        count: number of rows; fewer are chosen where fewer differ.
        seed: of the draw.
        truncated: counts dropped tokens.
        with_progress: passes on the parts of the rows whose features are computed.

    Raises:
        PredictionError: for an output that is not finite.
    """
    features = join_features(with_progress(features_of_rows(model, rows, truncated)))
    texts, duplicates = texts_of(rows).joined, NearDuplicates()
    chosen = select_informative(
        features.vectors, features.residuals, count, seed, lambda row: duplicates.add(texts[row])
    )
    return Suggestions(
        rows.take(pa.array(chosen, pa.int64())),
        [features.answers[row] for row in chosen],
        [features.confidences[row] for row in chosen],
        features.doubts[chosen],
    )
