"""Export of a classifier without parts that a format lacks: the n-grams beside its network, its unknown texts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from textgraft.errors import ConfigError
from textgraft.export.format import ExportFormat
from textgraft.tasks.base import Task
from textgraft.tasks.ngrams import drop_ngrams
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.promises import COVERAGE, TARGET_PRECISION
from textgraft.tasks.text_classification import TextClassifier

# Names of omitted parts in the record of an export.
_NGRAMS, REJECTION = "n-grams", "rejection of unknown texts"
_PROMISES = {TARGET_PRECISION: "promised precision", COVERAGE: "promised coverage"}


def require_expressible(model: Task, kind: ExportFormat, to: str) -> None:
    """Raise a ConfigError where a format, named `to`, lacks the model's n-grams, or there are none to leave out."""
    has_ngrams = isinstance(model, TextClassifier) and model.ngrams is not None
    if kind.selected.without_ngrams and not has_ngrams:
        raise ConfigError("this model has no n-grams; drop --without-ngrams")
    if has_ngrams and not (kind.has_ngrams or kind.selected.without_ngrams):
        raise ConfigError(
            f"format {to} has no n-grams; choose savedmodel or wheel, or export the network alone: --without-ngrams"
        )


@contextmanager
def network_alone(model: Task) -> Iterator[list[str]]:
    """Let a model with n-grams answer without them meanwhile, by the temperature of its network alone.

    Yields names of omitted parts, among them what its thresholds promise: they were set with the n-grams.
    """
    classifier = cast("TextClassifier", model)
    objective, ngrams = cast("SingleLabel", classifier.objective), classifier.ngrams
    temperature = objective.temperature
    drop_ngrams(classifier)
    try:
        yield [_NGRAMS, *(name for promise, name in _PROMISES.items() if promise in objective.promises)]
    finally:
        classifier.ngrams, objective.temperature = ngrams, temperature


@contextmanager
def without_rejection(model: Task, has_rejection: bool) -> Iterator[list[str]]:
    """Let a model answer unknown texts too meanwhile, unless the format rejects them; yields names of omitted parts."""
    novelty = None if has_rejection or not isinstance(model, TextClassifier) else model.novelty
    if novelty is None:
        yield []
        return
    classifier = cast("TextClassifier", model)
    objective = cast("SingleLabel", classifier.objective)
    limit, objective.reject_above = objective.reject_above, None
    classifier.set_novelty(None)
    try:
        yield [REJECTION]
    finally:
        objective.reject_above = limit
        classifier.set_novelty(novelty)
