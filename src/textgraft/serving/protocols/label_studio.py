"""Label Studio's protocol of ML backends: pre-annotations of the tasks of a project.

https://labelstud.io/guide/ml_create. The address of the backend is that of the server with /label-studio, and with
/label-studio/NAME where there are several models.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from textgraft.data.predicted_entities import Entity
from textgraft.export.format import Answers, Text
from textgraft.serving.errors import RequestError
from textgraft.serving.gate import LABEL_STUDIO
from textgraft.serving.labelling_config import Control, ProjectTags, project_tags
from textgraft.serving.protocol import ServingProtocol, json_response
from textgraft.serving.served_model import ServedModel
from textgraft.tasks.objectives import DECIMALS

_VERSION_CHARACTERS = 12


class ProjectBody(BaseModel):
    """What Label Studio sends about a project; keys that are not used are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class SetupBody(ProjectBody):
    """The labeling configuration of a project."""

    labeling_config: str = Field(alias="schema")


class StudioTask(ProjectBody):
    """A task, whose texts are in its data."""

    data: dict[str, Any]


class StudioPredictBody(ProjectBody):
    """Tasks to annotate, and the labeling configuration of their project."""

    tasks: Annotated[list[StudioTask], Field(fail_fast=True)]
    label_config: str


class StudioPrediction(BaseModel):
    """Results of a task in the form of annotations, and the model's confidence in them."""

    result: list[dict[str, Any]]
    score: float | None
    model_version: str


class StudioPredictions(BaseModel):
    """A prediction for each task, in their order; `unlisted` counts labels that the configuration does not have."""

    results: list[StudioPrediction]
    model_version: str
    unlisted: int


class LabelStudioBackend(ServingProtocol):
    """`health`, `versions`, `setup`, `predict` and `webhook`."""

    def add_routes(self, router: APIRouter) -> None:
        for prefix in (LABEL_STUDIO, f"{LABEL_STUDIO}/{{name}}"):
            self._add_states(router, prefix)
            self._add_predictions(router, prefix)

    def _add_states(self, router: APIRouter, prefix: str) -> None:
        @router.get(f"{prefix}/health", summary="Whether the model is ready", tags=["Label Studio"])
        async def health(name: str | None = None) -> Response:
            self.service.models.get(name)
            return json_response({"status": "UP"})

        @router.get(f"{prefix}/versions", summary="Versions of the model", tags=["Label Studio"])
        async def versions(name: str | None = None) -> Response:
            return json_response({"versions": [_version(self.service.models.get(name))]})

        @router.post(f"{prefix}/webhook", summary="Events of a project, which are not used", tags=["Label Studio"])
        async def webhook(name: str | None = None) -> Response:
            self.service.models.get(name)
            return json_response({"status": "ignored"})

    def _add_predictions(self, router: APIRouter, prefix: str) -> None:
        @router.post(f"{prefix}/setup", summary="Whether a project suits the model", tags=["Label Studio"])
        async def setup(body: SetupBody, name: str | None = None) -> Response:
            model = self.service.models.get(name)
            unlisted = _unlisted(model, _tags(model, body.labeling_config).control)
            return json_response({"model_version": _version(model), "unlisted": unlisted})

        @router.post(
            f"{prefix}/predict", response_model=StudioPredictions, summary="Pre-annotations", tags=["Label Studio"]
        )
        async def predict(request: Request, body: StudioPredictBody, name: str | None = None) -> Response:
            model = self.service.models.get(name)
            tags, version = _tags(model, body.label_config), _version(model)
            texts = [_text(index, task.data, tags.keys) for index, task in enumerate(body.tasks)]
            answers: Answers = (await self.service.answer(request, model, texts)).arrays if texts else {}
            rows = list(_FORMS[model.answer_kind](tags.control, model, answers)) if texts else []
            results = [{"result": row.result, "score": row.score, "model_version": version} for row in rows]
            unlisted = sum(row.unlisted for row in rows)
            return json_response({"results": results, "model_version": version, "unlisted": unlisted})


def _version(model: ServedModel) -> str:
    """A name that changes with the files of the model, so that Label Studio asks for new predictions."""
    files = json.dumps(model.sha256, sort_keys=True).encode()
    return f"{model.name}-{hashlib.sha256(files).hexdigest()[:_VERSION_CHARACTERS]}"


def _tags(model: ServedModel, config: str) -> ProjectTags:
    try:
        return project_tags(config, model.answer_kind, len(model.inputs), model.label_names)
    except ValueError as error:
        raise RequestError(422, "unsuitable", str(error)) from None


def _unlisted(model: ServedModel, control: Control) -> list[str]:
    """Labels of the model that the configuration does not have."""
    return [label for label in model.label_names if label not in control.labels]


def _text(index: int, data: Mapping[str, Any], keys: Sequence[str]) -> Text:
    for key in keys:
        if not isinstance(data.get(key), str):
            raise RequestError(422, "invalid", f"tasks.{index}.data.{key[:60]}: no text; import tasks with this field")
    return data[keys[0]] if len(keys) == 1 else (data[keys[0]], data[keys[1]])


class _Row(NamedTuple):
    """The prediction of a task, and the number of labels that are not in it."""

    result: list[dict[str, Any]]
    score: float | None
    unlisted: int = 0


def _result(control: Control, value: Mapping[str, Any], score: float | None = None) -> dict[str, Any]:
    result = {"from_name": control.name, "to_name": control.to_name, "type": control.tag, "value": value}
    return result if score is None else result | {"score": score}


def _choices(control: Control, labels: Sequence[str], score: float | None) -> _Row:
    listed = [control.labels[label] for label in labels if label in control.labels]
    result = [_result(control, {"choices": listed}, score)] if listed else []
    return _Row(result, score, len(labels) - len(listed))


def _labelled(control: Control, model: ServedModel, answers: Answers) -> Iterator[_Row]:
    for label, score in zip(answers["label"].tolist(), answers["score"].tolist(), strict=True):
        yield _choices(control, [label] if label else [], _rounded(score))  # without one where the model abstains


def _label_sets(control: Control, model: ServedModel, answers: Answers) -> Iterator[_Row]:
    """The confidence is the mean probability of the labels in the set; that of an empty set is not stated."""
    names = model.label_names
    for predicted, scores in zip(answers["predicted"].tolist(), answers["scores"].tolist(), strict=True):
        chosen = [index for index, is_predicted in enumerate(predicted) if is_predicted]
        score = _mean([scores[index] for index in chosen])
        yield _choices(control, [names[index] for index in chosen], score)


def _numbers(control: Control, model: ServedModel, answers: Answers) -> Iterator[_Row]:
    for value in answers["value"].tolist():
        yield _Row([_result(control, {"number": _rounded(value)})], None)


def _entities(control: Control, model: ServedModel, answers: Answers) -> Iterator[_Row]:
    """Offsets are code points, as Label Studio's are."""
    columns = [answers[name].tolist() for name in Entity._fields]
    for count, *row in zip(answers["count"].tolist(), *columns, strict=True):
        entities = [Entity(*values) for values in list(zip(*row, strict=True))[:count]]
        listed = [entity for entity in entities if entity.label in control.labels]
        result = [_entity_result(control, entity) for entity in listed]
        yield _Row(result, _mean([entity.score for entity in listed]), len(entities) - len(listed))


def _entity_result(control: Control, entity: Entity) -> dict[str, Any]:
    label = control.labels[entity.label]
    value = {"start": entity.start, "end": entity.end, "text": entity.text, "labels": [label]}
    return _result(control, value, _rounded(entity.score))


def _mean(scores: Sequence[float]) -> float | None:
    return _rounded(sum(scores) / len(scores)) if scores else None


def _rounded(value: float) -> float:
    return round(value, DECIMALS)


_FORMS: Mapping[str, Callable[[Control, ServedModel, Answers], Iterator[_Row]]] = {
    "label": _labelled,
    "labels": _label_sets,
    "value": _numbers,
    "entities": _entities,
}
