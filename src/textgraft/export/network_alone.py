"""Export of the network of a classifier without the n-grams beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from textgraft.errors import ConfigError
from textgraft.export.format import ExportFormat
from textgraft.tasks.base import Task
from textgraft.tasks.ngrams import drop_ngrams
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.text_classification import TextClassifier

LEFT_OUT = "n-grams"  # their name in the record of an export


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
def network_alone(model: Task) -> Iterator[None]:
    """Let a model with n-grams answer without them meanwhile, by the temperature of its network alone."""
    classifier = cast("TextClassifier", model)
    objective, ngrams = cast("SingleLabel", classifier.objective), classifier.ngrams
    temperature = objective.temperature
    drop_ngrams(classifier)
    try:
        yield
    finally:
        classifier.ngrams, objective.temperature = ngrams, temperature
