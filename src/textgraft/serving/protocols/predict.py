"""textgraft's own protocol: `POST /predict` for labels and probabilities, entities, numbers and vectors."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from textgraft.data.predicted_entities import Entity
from textgraft.export.format import Answers
from textgraft.serving.bodies import Body, TextOrPair, as_text
from textgraft.serving.protocol import ServingProtocol, json_response
from textgraft.serving.served_model import ServedModel
from textgraft.task_specs.text_classification import ABSTAINED, CANDIDATES, UNKNOWN
from textgraft.tasks.objectives import DECIMALS


class PredictBody(Body):
    """One text or several; a pair of texts is a list of two."""

    model: str | None = Field(None, description="Name of the model; may be omitted where there is only one.")
    text: TextOrPair | None = Field(None, description="A text, or a pair.")
    texts: Annotated[list[TextOrPair], Field(fail_fast=True, min_length=1)] | None = Field(
        None, description="Texts, or pairs."
    )

    @model_validator(mode="after")
    def _require_one_key(self) -> "PredictBody":
        if (self.text is None) == (self.texts is None):
            raise ValueError("send either text or texts")
        return self


class Truncated(BaseModel):
    """What was dropped of long texts."""

    texts: int
    tokens: int


class PredictAnswer(BaseModel):
    """A prediction for each text, in their order."""

    model: str
    predictions: list[dict[str, Any]] = Field(
        description="Of one label: label, probability, probabilities; of models that can abstain also abstained, with "
        "the label null, and of models with sets of labels candidates. Of sets: labels, probabilities. Of numbers: "
        "value. Of entities: entities, each text, label, start, end (code points) and score. Of vectors: vector."
    )
    truncated: Truncated


class Predict(ServingProtocol):
    """`POST /predict`."""

    def add_routes(self, router: APIRouter) -> None:
        @router.post("/predict", response_model=PredictAnswer, summary="Predictions for texts", tags=["textgraft"])
        async def predict(request: Request, body: PredictBody) -> Response:
            model = self.service.models.get(body.model)
            texts = [as_text(text) for text in ([body.text] if body.texts is None else body.texts) if text is not None]
            answer = await self.service.answer(request, model, texts)
            truncated = {"texts": answer.truncated.texts, "tokens": answer.truncated.tokens}
            predictions = list(_FORMS[next(iter(answer.arrays))](model, answer.arrays))
            return json_response({"model": model.name, "predictions": predictions, "truncated": truncated})


def _labelled(model: ServedModel, arrays: Answers) -> Iterator[Mapping[str, Any]]:
    """Labels in the type of the training's; probabilities rounded as in files of predictions."""
    objective = model.task.objective
    classes = dict(zip(objective.labels, objective.classes, strict=True))  # type: ignore[attr-defined]
    abstained = arrays.get(ABSTAINED, np.zeros(len(arrays["label"]), bool)).tolist()
    candidates = arrays.get(CANDIDATES, [None] * len(abstained))
    unknown = arrays.get(UNKNOWN, np.zeros(len(abstained), bool)).tolist()
    rows = zip(arrays["label"].tolist(), _rounded(arrays["scores"]), abstained, unknown, candidates, strict=True)
    for label, scores, is_abstained, is_unknown, chosen in rows:
        probabilities = dict(zip(objective.labels, scores, strict=True))
        answer = {"label": None if is_abstained else classes[label], "probability": max(scores)}
        if ABSTAINED in arrays:
            answer[ABSTAINED] = is_abstained
        if UNKNOWN in arrays:
            answer[UNKNOWN] = is_unknown
        if chosen is not None:
            ranked = sorted(np.flatnonzero(chosen).tolist(), key=lambda index: -scores[index])
            answer[CANDIDATES] = [objective.classes[index] for index in ranked]  # type: ignore[attr-defined]
        yield {**answer, "probabilities": probabilities}


def _label_sets(model: ServedModel, arrays: Answers) -> Iterator[Mapping[str, Any]]:
    objective = model.task.objective
    names, classes = objective.labels, objective.classes  # type: ignore[attr-defined]
    for predicted, scores in zip(arrays["predicted"].tolist(), _rounded(arrays["scores"]), strict=True):
        labels = [label for label, is_predicted in zip(classes, predicted, strict=True) if is_predicted]
        yield {"labels": labels, "probabilities": dict(zip(names, scores, strict=True))}


def _numbers(model: ServedModel, arrays: Answers) -> Iterator[Mapping[str, Any]]:
    for value in _rounded(arrays["value"]):
        yield {"value": value}


def _entities(model: ServedModel, arrays: Answers) -> Iterator[Mapping[str, Any]]:
    columns = [_rounded(arrays[name]) if name == "score" else arrays[name].tolist() for name in Entity._fields]
    for count, *row in zip(arrays["count"].tolist(), *columns, strict=True):
        yield {"entities": [Entity(*values)._asdict() for values in list(zip(*row, strict=True))[:count]]}


def _vectors(model: ServedModel, arrays: Answers) -> Iterator[Mapping[str, Any]]:
    for vector in arrays["vector"].tolist():
        yield {"vector": vector}


def _rounded(values: np.ndarray) -> list[Any]:
    return values.astype(float).round(DECIMALS).tolist()  # type: ignore[no-any-return]


# By the first array of the answers.
_FORMS: Mapping[str, Callable[[ServedModel, Answers], Iterator[Mapping[str, Any]]]] = {
    "count": _entities,
    "label": _labelled,
    "labels": _label_sets,
    "value": _numbers,
    "vector": _vectors,
}
