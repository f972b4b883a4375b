"""Explanations of the labels and numbers of a text classifier."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from textgraft.data.label_types import Label
from textgraft.data.streams import texts_of
from textgraft.explanation.explanation import (
    INTEGRATED_GRADIENTS,
    Explanation,
    ValueAttributions,
    WordAttribution,
)
from textgraft.explanation.integrated_gradients import IntegratedGradients
from textgraft.explanation.ngram_attribution import ngram_attributions
from textgraft.explanation.row_values import ExplainedRow
from textgraft.explanation.targets import Target, explained_targets
from textgraft.explanation.text_rows import text_rows
from textgraft.explanation.words import WordGroup, falls_without, without_all, without_words, words_of
from textgraft.tasks.text_classification import TextClassifier
from textgraft.training.token_ids import TruncationCount

# Words of a text that are removed one by one; more are removed in groups.
_MAX_OCCLUDED = 256
# Without a limit.
_ALL_WORDS = 1 << 62


class TextExplainer:
    """Explains the predictions of a `TextClassifier` with its present weights by one of the `METHODS`."""

    def __init__(self, model: TextClassifier, method: str) -> None:
        self._model, self._method = model, method
        self._gradients = IntegratedGradients(model) if method == INTEGRATED_GRADIENTS else None

    def items(self, texts: np.ndarray) -> Iterator[tuple[str, ...]]:
        """What `explain` takes, from texts, object (n,) or (n, 2) of UTF-8 bytes."""
        for parts in self._model.check_pairs(texts):
            yield tuple(part.decode() for part in ([parts] if isinstance(parts, bytes) else parts))

    def items_of_rows(self, rows: pa.RecordBatch) -> Iterator[tuple[str, ...]]:
        """What `explain` takes, from rows of `InputRows`."""
        return self.items(texts_of(rows).inputs)

    def explain(self, parts: tuple[str, ...], label: Label | None) -> list[Explanation]:
        """The explanations of a text, or both texts of a pair; see `explained_targets`."""
        groups = words_of(parts, _ALL_WORDS if self._gradients else _MAX_OCCLUDED)
        truncated = TruncationCount()
        outputs = self.outputs([parts], truncated)
        targets = explained_targets(self._model, outputs[0], label)
        scores = self.scores(outputs, targets)[0]
        if self._gradients:
            results = self._integrate(self._gradients, parts, groups, targets)
        else:
            results = self._occlude(parts, groups, targets)
        return [
            Explanation(
                row=0,
                text=parts[0] if len(parts) == 1 else (parts[0], parts[1]),
                label=target.label,
                score=float(score),
                value=float(target.values(outputs)[0]),
                baseline=result.baseline,
                words=tuple(
                    WordAttribution(
                        parts[group.part][group.start : group.end], group.start, group.end, value, group.part
                    )
                    for group, value in zip(groups, result.words.tolist(), strict=True)
                ),
                method=self._method,
                completeness_error=result.completeness_error,
                steps=result.steps,
                truncated=truncated.texts > 0,
            )
            for target, score, result in zip(targets, scores, results, strict=True)
        ]

    def outputs(self, texts: Sequence[Sequence[str]], truncated: TruncationCount | None = None) -> np.ndarray:
        """Outputs of texts or pairs, float32 (n, width)."""
        rows = [parts[0] if len(parts) == 1 else (parts[0], parts[1]) for parts in texts]
        return self._model.reference_outputs(rows, truncated)

    def scores(self, outputs: np.ndarray, targets: Sequence[Target]) -> np.ndarray:
        """Probabilities of the targets' labels, or numbers, float64 (n, targets)."""
        probabilities = self._model.objective.probabilities(outputs).astype(np.float64).reshape(len(outputs), -1)
        return probabilities[:, [target.column for target in targets]]

    def checked_words(self, explanation: Explanation) -> np.ndarray:
        """The words, int64 (n,), that are removed in a check of an explanation: all."""
        return np.arange(len(explanation.words))

    def scores_without(self, explanation: Explanation, removed: Sequence[np.ndarray]) -> np.ndarray:
        """The probability of the explained label, or the number, without words, float64 (n,).

        Takes the indices of words that are removed from the text, int (w,) each.
        """
        words = [WordGroup(word.part, word.start, word.end) for word in explanation.words]
        outputs = self.outputs(
            [without_all(explanation.parts, [words[index] for index in indices]) for indices in removed]
        )
        target = explained_targets(self._model, outputs[0], explanation.label)[:1]
        return self.scores(outputs, target)[:, 0]

    def _occlude(
        self, parts: Sequence[str], groups: Sequence[WordGroup], targets: Sequence[Target]
    ) -> list[ValueAttributions]:
        """The fall of each value when the words of a group are removed from the text."""
        outputs = self.outputs([parts, *(without_words(parts, group) for group in groups)])
        values = [target.values(outputs) for target in targets]
        return [ValueAttributions(falls_without(by_text), float(by_text[0])) for by_text in values]

    def _integrate(
        self,
        gradients: IntegratedGradients,
        parts: Sequence[str],
        groups: Sequence[WordGroup],
        targets: Sequence[Target],
    ) -> list[ValueAttributions]:
        """Integrated gradients of the network, and the exact parts of words in the logits of n-grams."""
        rows = text_rows(self._model, parts, groups)
        share = 1 / max(1, len(rows.token_ids))  # outputs are averaged over windows
        explained = [
            ExplainedRow(ids, length, words, (share * target.weights).astype(np.float32), index)
            for index, target in enumerate(targets)
            for ids, length, words in zip(rows.token_ids, rows.first_lengths, rows.words, strict=True)
        ]
        weights = np.stack([target.weights for target in targets], axis=1)  # (width, targets)
        by_word, bias = np.zeros((len(groups), len(targets))), np.zeros(len(targets))
        if self._model.ngrams:
            ngrams = ngram_attributions(self._model.ngrams.model, parts, groups)
            by_word, bias = ngrams.words @ weights, ngrams.bias @ weights
        exact = by_word.sum(axis=0)
        results = gradients.attribute(explained, len(groups), exact.tolist())
        return [
            result._replace(
                words=result.words + by_word[:, index],
                value=result.value + target.offset + float(bias[index] + exact[index]),
                baseline=(result.baseline or 0.0) + target.offset + float(bias[index]),
            )
            for index, (target, result) in enumerate(zip(targets, results, strict=True))
        ]
