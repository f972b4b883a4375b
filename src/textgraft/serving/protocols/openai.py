"""OpenAI's API of embeddings, for clients that speak it: `POST /v1/embeddings` and `GET /v1/models`.

https://platform.openai.com/docs/api-reference/embeddings
"""

import base64
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from textgraft.serving.bodies import Body
from textgraft.serving.errors import RequestError
from textgraft.serving.protocol import ServingProtocol, json_response


class EmbeddingsRequest(Body):
    """Texts for an embedder; lists of token ids are not taken."""

    model: str
    input: str | Annotated[list[str], Field(fail_fast=True, min_length=1)]
    encoding_format: Literal["float", "base64"] = Field("float", description="base64 of little-endian float32.")
    dimensions: int | None = Field(None, description="Must be the width of the model's vectors.")
    user: str | None = None


class Embedding(BaseModel):
    """The vector of a text."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens of all texts, after truncation."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsResponse(BaseModel):
    """A vector for each text, in their order."""

    object: Literal["list"]
    model: str
    data: list[Embedding]
    usage: Usage


class OpenAI(ServingProtocol):
    """Embeddings and the list of models."""

    def add_routes(self, router: APIRouter) -> None:
        @router.post(
            "/v1/embeddings", response_model=EmbeddingsResponse, summary="Embeddings as of OpenAI", tags=["OpenAI"]
        )
        async def embeddings(request: Request, body: EmbeddingsRequest) -> Response:
            model = self.service.models.get(body.model)
            if not model.is_embedder:
                raise RequestError(
                    422, "invalid", f"model: {model.name} is a model for {model.task.name}; send an embedder"
                )
            width = model.outputs[0].shape[0]
            if body.dimensions not in (None, width):
                raise RequestError(422, "invalid", f"dimensions: the vectors of {model.name} have {width}; omit it")
            texts = [body.input] if isinstance(body.input, str) else body.input
            answer = await self.service.answer(request, model, texts, counts_tokens=True)
            vectors = _encoded(answer.arrays["vector"], body.encoding_format)
            data = [
                {"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)
            ]
            usage = {"prompt_tokens": answer.tokens, "total_tokens": answer.tokens}
            return json_response({"object": "list", "model": model.name, "data": data, "usage": usage})

        @router.get("/v1/models", summary="Names of the models", tags=["OpenAI"])
        async def models() -> Response:
            data = [
                {"id": name, "object": "model", "created": 0, "owned_by": "textgraft"}
                for name in self.service.models.loaded
            ]
            return json_response({"object": "list", "data": data})


def _encoded(vectors: np.ndarray, encoding: str) -> list[Any]:
    if encoding == "float":
        return vectors.tolist()  # type: ignore[no-any-return]
    return [base64.b64encode(vector.astype("<f4").tobytes()).decode() for vector in vectors]
