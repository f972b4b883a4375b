"""Comparison of new texts with those of a training: tests of vectors, answers and lengths."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from textgraft.data.labels import REGRESSION
from textgraft.evaluation.significance import holm
from textgraft.evaluation.two_samples import (
    binned_stability_index,
    column_tests,
    distribution_test,
    mean_test,
    mmd_test,
    stability_index,
)
from textgraft.model_folder.reference import Reference

TEXTS, ANSWERS, LENGTHS = "texts", "answers", "lengths"
_NEIGHBOURS = 5


@dataclass(frozen=True)
class DriftTest:
    """A test whether one property of texts has changed.

    Attributes:
        name: "texts" (vectors), "answers" or "lengths".
        method: of the test.
        p: p-value that nothing has changed, adjusted for the number of tests by Holm's method.
        stability_index: see `evaluation.two_samples.stability_index`; None for vectors.
        is_drift: whether p is at most the level.
    """

    name: str
    method: str
    p: float
    stability_index: float | None
    is_drift: bool


@dataclass(frozen=True)
class MovedLabel:
    """A label whose share of the answers, or number per text of entities, has changed; p is adjusted likewise."""

    label: str
    before: float
    after: float
    p: float


@dataclass(frozen=True)
class DriftReport:
    """The result of a comparison.

    Attributes:
        reference_texts: number of texts of the training that are compared.
        texts: number of new texts that are compared.
        level: probability of a false alarm.
        tests: of vectors, answers and lengths.
        moved: labels that have moved, those that moved most first.
        mean_before: mean of answers that are numbers, before and after; None for labels.
        mean_after: likewise.
    """

    reference_texts: int
    texts: int
    level: float
    tests: Sequence[DriftTest]
    moved: Sequence[MovedLabel]
    mean_before: float | None = None
    mean_after: float | None = None

    @property
    def is_drift(self) -> bool:
        """Whether any test shows a change."""
        return any(test.is_drift for test in self.tests)

    def record(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {"drift": self.is_drift, **asdict(self)}


def compare_with_reference(
    before: Reference, after: Reference, settings: Mapping[str, Any], level: float, seed: int
) -> DriftReport:
    """Compare new texts with those of a training.

    With a level of 0.01, one of a hundred comparisons without a change is a false alarm.

    Args:
        before: the texts of the training.
        after: the new texts, by the same model.
        settings: those of the model's config.
        level: of all tests together.
        seed: of the permutations.
    """
    labels, is_number = [str(label) for label in settings.get("labels", ())], settings.get("problem") == REGRESSION
    moved: list[MovedLabel] = []
    if is_number:
        answers = distribution_test(before.numbers, after.numbers)
        index = binned_stability_index(before.numbers, after.numbers)
    else:
        matrices = before.label_matrix(len(labels)), after.label_matrix(len(labels))
        answers, index = mean_test(*matrices, seed), stability_index(*(matrix.sum(axis=0) for matrix in matrices))
        moved = _moved_labels(labels, *matrices, level)
    p_values = [
        mmd_test(before.restored_vectors(), after.restored_vectors(), seed),
        answers,
        distribution_test(before.lengths, after.lengths),
    ]
    adjusted = holm(p_values)
    tests = [
        DriftTest(name, method, p, stability, p <= level)
        for name, method, p, stability in zip(
            (TEXTS, ANSWERS, LENGTHS),
            ("maximum mean discrepancy", "distribution" if is_number else "shares of labels", "distribution"),
            adjusted,
            (None, index, binned_stability_index(before.lengths, after.lengths)),
            strict=True,
        )
    ]
    means = (float(before.numbers.mean()), float(after.numbers.mean())) if is_number else (None, None)
    return DriftReport(len(before), len(after), level, tests, moved, *means)


def similarity_to_reference(before: Reference, after: Reference) -> np.ndarray:
    """The mean cosine similarity of each new text to the five nearest texts of the training, float64 (n,)."""
    old, new = (_unit(reference.vectors.astype(np.float32)) for reference in (before, after))
    nearest = min(_NEIGHBOURS, len(old))
    similarities = np.partition(new @ old.T, len(old) - nearest, axis=1)[:, len(old) - nearest :]
    return np.asarray(similarities.mean(axis=1, dtype=np.float64))


def _moved_labels(labels: Sequence[str], before: np.ndarray, after: np.ndarray, level: float) -> list[MovedLabel]:
    means = before.mean(axis=0), after.mean(axis=0)
    rows = zip(labels, *(mean.tolist() for mean in means), holm(column_tests(before, after).tolist()), strict=True)
    moved = [MovedLabel(*row) for row in rows if row[-1] <= level]
    return sorted(moved, key=lambda label: -abs(label.after - label.before))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
