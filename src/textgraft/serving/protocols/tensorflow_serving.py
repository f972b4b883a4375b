"""TensorFlow Serving's REST API, for clients of an exported SavedModel.

https://www.tensorflow.org/tfx/serving/api_rest
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field, model_validator
from starlette.requests import Request
from starlette.responses import Response

from textgraft.export.format import Text
from textgraft.serving.bodies import Body
from textgraft.serving.errors import RequestError
from textgraft.serving.protocol import ServingProtocol, json_response
from textgraft.serving.served_model import ServedModel
from textgraft.serving.tensors import as_column, as_rows

_SIGNATURE = "serving_default"
_VERSION = "1"


class Base64(Body):
    """A text as base64 of its UTF-8."""

    b64: str


class NamedInputs(Body):
    """The texts of one instance, by the names of a SavedModel's inputs."""

    text: str | Base64
    text_pair: str | Base64 | None = None


class NamedColumns(Body):
    """The texts of all instances, by the names of a SavedModel's inputs."""

    text: Annotated[list[str | Base64], Field(fail_fast=True)]
    text_pair: Annotated[list[str | Base64], Field(fail_fast=True)] | None = None


class PredictRequest(Body):
    """Texts in rows (`instances`) or in columns (`inputs`)."""

    signature_name: str = _SIGNATURE
    instances: Annotated[list[str | Base64 | NamedInputs], Field(fail_fast=True, min_length=1)] | None = None
    inputs: Annotated[list[str | Base64], Field(fail_fast=True)] | NamedColumns | None = None

    @model_validator(mode="after")
    def _require_one_form(self) -> "PredictRequest":
        if (self.instances is None) == (self.inputs is None):
            raise ValueError("send either instances or inputs")
        if self.signature_name != _SIGNATURE:
            raise ValueError(f"the only signature is {_SIGNATURE}")
        return self


class PredictResponse(BaseModel):
    """The outputs of the exported SavedModel, in the form of the request."""

    predictions: list[Any] | None = None
    outputs: Any = None


class TensorFlowServing(ServingProtocol):
    """`POST /v1/models/NAME:predict` and `GET /v1/models/NAME`."""

    def add_routes(self, router: APIRouter) -> None:
        @router.post(
            "/v1/models/{name}:predict", response_model=PredictResponse,
            summary="Predictions as of TensorFlow Serving", tags=["TensorFlow Serving"],
        )  # fmt: skip
        async def predict(request: Request, name: str, body: PredictRequest) -> Response:
            model = self.service.models.get(name)
            answer = await self.service.answer(request, model, _texts(model, body))
            if body.instances is not None:
                return json_response({"predictions": as_rows(answer.arrays)})
            columns: Any = {output: as_column(values) for output, values in answer.arrays.items()}
            return json_response({"outputs": columns if len(columns) > 1 else next(iter(columns.values()))})

        @router.get("/v1/models/{name}", summary="State of a model", tags=["TensorFlow Serving"])
        async def state(name: str) -> Response:
            self.service.models.get(name)
            status = {"error_code": "OK", "error_message": ""}
            version = {"version": _VERSION, "state": "AVAILABLE", "status": status}
            return json_response({"model_version_status": [version]})


def _texts(model: ServedModel, body: PredictRequest) -> list[Text]:
    if isinstance(body.inputs, NamedColumns):
        return _paired(_decoded(body.inputs.text), body.inputs.text_pair)
    rows = body.instances if body.inputs is None else body.inputs
    texts: list[Text] = []
    for row in rows or ():
        if isinstance(row, NamedInputs):
            texts += _paired(_decoded([row.text]), None if row.text_pair is None else [row.text_pair])
        else:
            texts += _decoded([row])
    return texts


def _paired(texts: list[str], others: Sequence[str | Base64] | None) -> list[Text]:
    if others is None:
        return [*texts]
    if len(others) != len(texts):
        raise RequestError(422, "invalid", f"text has {len(texts)} texts, and text_pair {len(others)}; send as many")
    return [*zip(texts, _decoded(others), strict=True)]


def _decoded(values: Sequence[str | Base64]) -> list[str]:
    try:
        return [
            value if isinstance(value, str) else base64.b64decode(value.b64, validate=True).decode() for value in values
        ]
    except (binascii.Error, ValueError):
        raise RequestError(422, "invalid", "b64: not the base64 of UTF-8; encode the text so") from None
