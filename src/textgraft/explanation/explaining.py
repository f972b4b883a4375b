"""Explanations of a model's predictions."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from textgraft.data.label_types import Label
from textgraft.errors import ConfigError, counted, warn
from textgraft.explanation.entity_explainer import EntityExplainer
from textgraft.explanation.explanation import COMPLETE, METHODS, Explanation
from textgraft.explanation.text_explainer import TextExplainer
from textgraft.model_folder.text_index import Neighbour
from textgraft.tasks.base import Task
from textgraft.tasks.text_classification import TextClassifier
from textgraft.tasks.text_index import NearestTexts
from textgraft.tasks.token_classification import TokenClassifier

Explainer = TextExplainer | EntityExplainer
NearestSearch = Callable[[Any], Sequence[Neighbour]]


def explain_texts(
    model: Task, texts: Any, method: str, target: Label | None, nearest: int, **columns: str | None
) -> list[Explanation]:
    """Explain the predictions of a model; see `Task.explain`."""
    if method not in model.explainers:
        model.explainers[method] = make_explainer(model, method)
    explainer, search = model.explainers[method], make_search(model, nearest)
    batches = model.text_batches(texts, **columns)
    items = (item for batch in batches for item in explainer.items(batch))
    results = list(explanations(explainer, items, target, search))
    if notice := incomplete_notice(sum(map(is_incomplete, results)), model.precision):
        warn(notice)
    return results


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


def make_search(model: Task, count: int) -> NearestSearch:
    """What finds a number of the nearest training texts of an item of an `Explainer`; none for 0.

    Raises:
        ConfigError: where the model keeps no training texts.
    """
    if not count:
        return lambda item: ()
    if model.index is None:
        raise ConfigError("the model keeps no training texts; train it with keep_index, or drop nearest")
    texts = NearestTexts(model, model.index)

    def search(parts: tuple[str, ...]) -> Sequence[Neighbour]:
        encoded = np.array([part.encode() for part in parts], object)
        return texts.find(encoded if len(parts) == 1 else encoded[np.newaxis], count)[0]

    return search


def is_incomplete(explanation: Explanation) -> bool:
    """Whether the parts of the words do not sum to the change of the value, in spite of all points."""
    return (explanation.completeness_error or 0.0) > COMPLETE


def incomplete_notice(count: int, precision: str) -> str:
    """A line about a number of such explanations of a model in a precision; empty where there is none."""
    advice = "method occlusion needs no integral" if precision == "float32" else "load the model in float32"
    subject = f"the completeness error of {counted(count, 'explanation')} is above {COMPLETE:.0%}"
    return f"{subject}; {advice}" if count else ""


def explanations(
    explainer: Any,
    items: Iterable[Any],
    target: Label | None,
    search: NearestSearch,
    on_item: Callable[[int], None] = lambda count: None,
) -> Iterator[Explanation]:
    """Stream the explanations of items of an `Explainer`.

    Args:
        explainer: explains each item.
        items: texts.
        target: the label; None for what is predicted.
        search: what finds the nearest texts of an item.
        on_item: called with the number of explanations of an item before they are yielded.
    """
    for row, item in enumerate(items):
        nearest, results = search(item), explainer.explain(item, target)
        on_item(len(results))
        for explanation in results:
            yield explanation.of_row(row, nearest)
