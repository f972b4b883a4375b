"""Explanations of a model's predictions."""

from collections.abc import Iterable, Iterator
from typing import Any

from textgraft.data.label_types import Label
from textgraft.errors import ConfigError
from textgraft.explanation.entity_explainer import EntityExplainer
from textgraft.explanation.explanation import METHODS, Explanation
from textgraft.explanation.faithfulness import FaithfulnessCheck
from textgraft.explanation.text_explainer import TextExplainer
from textgraft.tasks.base import Task
from textgraft.tasks.text_classification import TextClassifier
from textgraft.tasks.token_classification import TokenClassifier

Explainer = TextExplainer | EntityExplainer


def explain_texts(
    model: Task, texts: Any, method: str, target: Label | None, **columns: str | None
) -> list[Explanation]:
    """Explain the predictions of a model; see `Task.explain`."""
    explainer = make_explainer(model, method)
    batches = model.text_batches(texts, **columns)
    return list(explanations(explainer, (item for batch in batches for item in explainer.items(batch)), target))


def make_explainer(model: Task, method: str) -> Explainer:
    """What explains the predictions of a model by a method.

    Raises:
        ConfigError: for an unknown method, and for a task whose answers are not explained.
    """
    if method not in METHODS:
        raise ConfigError(f"method {method!r:.60} is unknown; choose one of {', '.join(METHODS)}")
    if isinstance(model, TextClassifier):
        return TextExplainer(model, method)
    if isinstance(model, TokenClassifier):
        return EntityExplainer(model, method)
    raise ConfigError(
        f"answers of models for {model.name} are not explained; use a model for "
        f"{TextClassifier.name} or {TokenClassifier.name}"
    )


def make_check(explainer: Explainer) -> FaithfulnessCheck:
    """What measures the explanations of labels or numbers of texts; a ConfigError for entities."""
    if not isinstance(explainer, TextExplainer):
        raise ConfigError("explanations of entities are not checked; labels and numbers of texts are; drop --check")
    return FaithfulnessCheck(explainer)


def explanations(explainer: Any, items: Iterable[Any], target: Label | None) -> Iterator[Explanation]:
    """Stream the explanations of items of an `Explainer`; `target` is the label, None for what is predicted."""
    for row, item in enumerate(items):
        for explanation in explainer.explain(item, target):
            yield explanation.with_row(row)
