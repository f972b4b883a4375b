"""Suggested texts with the model's answers as pre-annotations, in the JSON that annotation tools import."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple

from textgraft.data.predicted_entities import Entity

# Names of the tag or field of a text and of a second one, and of the tag or question of labels.
TEXT, PAIR, LABEL = "text", "pair", "label"
_DECIMALS = 6


class AnsweredText(NamedTuple):
    """A text with the answer of a model.

    Attributes:
        position: of its row in the source.
        texts: the text, and the second one of a pair.
        columns: other columns of the source, by name.
        answer: a label, a list of labels, a number or a list of entities.
        confidence: see `TextFeatures`.
        doubt: from 0 to 1.
    """

    position: int
    texts: Sequence[str]
    columns: dict[str, Any]
    answer: Any
    confidence: Any
    doubt: float


class AnnotationTool(ABC):
    """The items of one tool."""

    def __init__(self, model: str) -> None:
        """`model` names the origin of the answers."""
        self._model = model

    @abstractmethod
    def item(self, row: AnsweredText) -> dict[str, Any]:
        """A text as the tool imports it, as JSON values."""


class LabelStudioTasks(AnnotationTool):
    """Tasks of Label Studio with predictions, https://labelstud.io/guide/predictions."""

    def item(self, row: AnsweredText) -> dict[str, Any]:
        data = {**row.columns, **dict(zip((TEXT, PAIR), row.texts, strict=False))}
        prediction = {"model_version": self._model, "score": _mean(row.confidence), "result": self._results(row)}
        return {"data": data, "predictions": [prediction]}

    def _results(self, row: AnsweredText) -> list[dict[str, Any]]:
        answer = row.answer
        if _are_entities(answer):
            return [self._entity(index, entity) for index, entity in enumerate(answer)]
        if isinstance(answer, float):
            return [_result("number", {"number": answer})]
        labels = [str(label) for label in (answer if isinstance(answer, list) else [answer])]
        return [_result("choices", {"choices": labels})] if labels else []

    def _entity(self, index: int, entity: Entity) -> dict[str, Any]:
        value = {"start": entity.start, "end": entity.end, "text": entity.text, "labels": [entity.label]}
        return {"id": f"entity-{index}", **_result("labels", value), "score": entity.score}


class ArgillaRecords(AnnotationTool):
    """Records of Argilla 2 with suggestions, as `dataset.records.from_json` reads them."""

    def item(self, row: AnsweredText) -> dict[str, Any]:
        fields = dict(zip((TEXT, PAIR), row.texts, strict=False))
        value, score = self._value_and_score(row)
        suggestion = {"value": value, "score": score, "agent": self._model}
        suggestions = {LABEL: suggestion} if value not in ([], None) else {}
        others: dict[str, Any] = {name: {} for name in ("metadata", "responses", "vectors")}
        return {"id": str(row.position), "fields": fields, "suggestions": suggestions, **others}

    def _value_and_score(self, row: AnsweredText) -> tuple[Any, Any]:
        answer = row.answer
        if _are_entities(answer):
            spans = [{"start": entity.start, "end": entity.end, "label": entity.label} for entity in answer]
            return spans, [entity.score for entity in answer]
        if isinstance(answer, list):
            return [str(label) for label in answer], [_rounded(score) for score in row.confidence or ()]
        return str(answer), None if row.confidence is None else _rounded(row.confidence)


ANNOTATION_TOOLS: dict[str, type[AnnotationTool]] = {"label-studio": LabelStudioTasks, "argilla": ArgillaRecords}


def _result(kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"from_name": LABEL, "to_name": TEXT, "type": kind, "value": value}


def _are_entities(answer: Any) -> bool:
    return isinstance(answer, list) and any(isinstance(item, Entity) for item in answer)


def _mean(confidence: Any) -> float | None:
    """A confidence, or the mean of those of a set; None where there is none."""
    values = confidence if isinstance(confidence, list) else [] if confidence is None else [confidence]
    return _rounded(sum(values) / len(values)) if values else None


def _rounded(value: float) -> float:
    return round(value, _DECIMALS)
