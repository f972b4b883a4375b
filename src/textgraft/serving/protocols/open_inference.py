"""The Open Inference Protocol, version 2, as KServe and Triton have it.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from textgraft.export.format import Answers, Text
from textgraft.serving.bodies import Body
from textgraft.serving.errors import RequestError
from textgraft.serving.protocol import ServingProtocol, json_response
from textgraft.serving.served_model import ServedModel

_TYPES = {"O": "BYTES", "b": "BOOL", "d": "FP64", "f": "FP32", "i": "INT64"}
_VERSION = "1"
_ANY = -1


_Texts = Annotated[list[str], Field(fail_fast=True)]
_Element = Annotated[list[str], Field(fail_fast=True, min_length=1, max_length=1)]
_Elements = Annotated[list[_Element], Field(fail_fast=True)]


class NoParameters(Body):
    """Parameters, of which none is known; binary data is not exchanged."""


class InputTensor(Body):
    """Texts, one an element."""

    name: Literal["text", "text_pair"]
    shape: list[int] = Field(max_length=2, description="[n] or [n, 1].")
    datatype: Literal["BYTES"]
    data: _Texts | _Elements
    parameters: NoParameters | None = None


class OutputName(Body):
    """An output that is asked for."""

    name: str
    parameters: NoParameters | None = None


class InferRequest(Body):
    """The input `text` and, for pairs, `text_pair`."""

    id: str | None = Field(None, max_length=256)
    inputs: list[InputTensor] = Field(min_length=1, max_length=2)
    outputs: list[OutputName] | None = Field(None, max_length=16)
    parameters: NoParameters | None = None


class OutputTensor(BaseModel):
    """An array of answers, in rows."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferResponse(BaseModel):
    """The arrays of an exported SavedModel."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class OpenInference(ServingProtocol):
    """`/v2` and what is below it."""

    def add_routes(self, router: APIRouter) -> None:
        tags: list[Any] = ["Open Inference Protocol"]

        @router.get("/v2", summary="The server", tags=tags)
        async def server() -> Response:
            return json_response({"name": "textgraft", "version": version("textgraft"), "extensions": []})

        @router.get("/v2/health/live", summary="Whether the server runs", tags=tags)
        async def live() -> Response:
            return json_response({"live": self.service.is_alive}, 200 if self.service.is_alive else 503)

        @router.get("/v2/health/ready", summary="Whether all models are ready", tags=tags)
        async def ready() -> Response:
            return json_response({"ready": self.service.is_ready}, 200 if self.service.is_ready else 503)

        @router.get("/v2/models/{name}", summary="A model's inputs and outputs", tags=tags)
        async def metadata(name: str) -> Response:
            model = self.service.models.get(name)
            inputs = [{"name": text, "datatype": "BYTES", "shape": [_ANY]} for text in model.inputs]
            outputs = [
                {"name": tensor.name, "datatype": _TYPES[tensor.kind], "shape": [_ANY, *tensor.shape]}
                for tensor in model.outputs
            ]
            facts = {"name": model.name, "versions": [_VERSION], "platform": "textgraft"}
            return json_response({**facts, "inputs": inputs, "outputs": outputs})

        @router.get("/v2/models/{name}/ready", summary="Whether a model is ready", tags=tags)
        async def model_ready(name: str) -> Response:
            return json_response({"name": self.service.models.get(name).name, "ready": True})

        @router.post(
            "/v2/models/{name}/infer", response_model=InferResponse, response_model_exclude_none=True,
            summary="Predictions as tensors", tags=tags,
        )  # fmt: skip
        async def infer(request: Request, name: str, body: InferRequest) -> Response:
            model = self.service.models.get(name)
            names = _output_names(model, body.outputs)
            answer = await self.service.answer(request, model, _texts(model, body.inputs))
            response = {"model_name": model.name, "model_version": _VERSION, "outputs": _tensors(answer.arrays, names)}
            return json_response(response if body.id is None else {**response, "id": body.id})


def _texts(model: ServedModel, inputs: Sequence[InputTensor]) -> list[Text]:
    columns = {tensor.name: _elements(tensor) for tensor in inputs}
    if len(columns) < len(inputs):
        raise RequestError(422, "invalid", "inputs: a name occurs twice; send each once")
    if missing := [name for name in model.inputs if name not in columns]:
        raise RequestError(422, "invalid", f"inputs: {model.name} needs {missing[0]} too")
    first, *others = (columns[name] for name in sorted(columns))
    if not others:
        return [*first]
    if len(others[0]) != len(first):
        raise RequestError(422, "invalid", "inputs: text and text_pair have different shapes; send as many")
    return [*zip(first, others[0], strict=True)]


def _elements(tensor: InputTensor) -> list[str]:
    texts = [element if isinstance(element, str) else element[0] for element in tensor.data]
    if tensor.shape not in ([len(texts)], [len(texts), 1]):
        raise RequestError(
            422, "invalid", f"{tensor.name}: the shape is {tensor.shape}, and the data has {len(texts)} texts"
        )
    return texts


def _output_names(model: ServedModel, outputs: Sequence[OutputName] | None) -> list[str]:
    known = [tensor.name for tensor in model.outputs]
    names = known if outputs is None else [output.name for output in outputs]
    if unknown := [name for name in names if name not in known]:
        raise RequestError(422, "invalid", f"outputs: {unknown[0][:60]!r} is none of {', '.join(known)}")
    return names


def _tensors(arrays: Answers, names: Sequence[str]) -> list[dict[str, Any]]:
    return [_tensor(name, arrays[name]) for name in names]


def _tensor(name: str, values: np.ndarray) -> dict[str, Any]:
    kind = "d" if values.dtype == np.float64 else values.dtype.kind
    return {"name": name, "shape": list(values.shape), "datatype": _TYPES[kind], "data": values.ravel().tolist()}
