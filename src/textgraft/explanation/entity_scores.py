"""The score of an entity while words of its text are hidden."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from textgraft.explanation.hidden_words import HiddenWords
from textgraft.explanation.row_values import ExplainedRow
from textgraft.tasks.tag_decoding import SpanArrays
from textgraft.tasks.token_classification import TokenClassifier
from textgraft.text.words import Words
from textgraft.training.ragged import Ragged

# Words on both sides of the rows of an entity whose tags count too: those far away hardly change its probability.
_MARGIN = 8


class PackedText(NamedTuple):
    """A text and the rows of tokens into which its words are packed.

    Attributes:
        text: the text.
        words: its words.
        token_ids: int32 ragged (r, None).
        word_indices: of each token, -1 for special tokens; likewise.
        positions: of each word in its row, int32 (w,).
        rows: index of the row of each word, int64 (w,).
        logits: of the tags of each word, float32 (w, tags).
    """

    text: str
    words: Words
    token_ids: Ragged
    word_indices: Ragged
    positions: np.ndarray
    rows: np.ndarray
    logits: np.ndarray

    def row(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The token ids of a row, and the word of each token, int (t,)."""
        token_ids, words = (arrays[np.array([index])].values for arrays in (self.token_ids, self.word_indices))
        return token_ids, words

    def words_with(self, first: int, end: int) -> np.ndarray:
        """The words, int64 (n,), in the rows that have the words of a span: others do not change its tags."""
        indices = np.concatenate([self.row(row)[1] for row in np.unique(self.rows[first:end]).tolist()])
        return np.unique(indices[indices >= 0])


class EntityScores:
    """Computes scores of entities by a `TokenClassifier` with its present weights."""

    def __init__(self, model: TokenClassifier) -> None:
        self._model, self._hidden = model, HiddenWords(model)

    def without(self, packed: PackedText, span: tuple[int, int, int], hidden: Sequence[np.ndarray]) -> np.ndarray:
        """The score of a span while words are hidden.

        Args:
            packed: its text.
            span: its first word, the word after the last, and the index of its label.
            hidden: sets of words, int (h,) each.

        Returns:
            the score with each of these sets hidden, float64 (sets,).
        """
        first, end, label = span
        seen = packed.words_with(first, end)
        start = max(0, int(seen[0]) - _MARGIN)
        stop = min(len(packed.logits), int(seen[-1]) + 1 + _MARGIN)
        logits = np.repeat(packed.logits[np.newaxis, start:stop], len(hidden), axis=0)  # (sets, words, tags)
        for row in np.unique(packed.rows[first:end]).tolist():
            words = np.flatnonzero(packed.rows == row)
            token_ids, indices = packed.row(row)
            weights = np.zeros((len(token_ids), logits.shape[2]), np.float32)
            explained = ExplainedRow(token_ids, len(token_ids), indices, weights, 0)
            for index, outputs in self._hidden.outputs([(explained, hidden_words) for hidden_words in hidden]):
                logits[index, words - start] = outputs[packed.positions[words]]
        size = stop - start
        starts = size * np.arange(len(hidden)) + first - start
        spans = SpanArrays(starts, starts + end - first, np.full(len(hidden), label))
        lengths = np.full(len(hidden), size)
        return self._model.objective.span_scores(Ragged(logits.reshape(-1, logits.shape[2]), lengths), spans)
