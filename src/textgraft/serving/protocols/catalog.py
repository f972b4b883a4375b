"""What is served: `GET /models`, by which the page knows how to show answers and how much it may send."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from textgraft.serving.protocol import ServingProtocol, json_response
from textgraft.serving.served_model import ServedModel


class ModelFacts(BaseModel):
    """A model; all but its name is null while it is loaded."""

    name: str
    task: str | None
    answer: Literal["label", "labels", "value", "entities", "vector"] | None
    pairs: bool | None
    labels: list[str | int | bool] | None
    corrected: bool | None
    nearest: bool | None


class Limits(BaseModel):
    """Of a request: texts, characters of a text, bytes, and seconds until it is answered."""

    texts: int
    characters: int
    bytes: int
    seconds: float


class CatalogAnswer(BaseModel):
    """The models, in the order of the command line, and the limits of requests."""

    models: list[ModelFacts]
    limits: Limits


class ModelCatalog(ServingProtocol):
    """`GET /models`."""

    def add_routes(self, router: APIRouter) -> None:
        @router.get("/models", response_model=CatalogAnswer, summary="Models and limits", tags=["textgraft"])
        async def models() -> Response:
            service = self.service
            facts = [
                _facts(name, service.models.loaded.get(name), service.corrections is not None)
                for name in service.models.sources
            ]
            options = service.options
            limits = {
                "texts": options.max_texts,
                "characters": options.max_characters,
                "bytes": options.max_bytes,
                "seconds": options.timeout,
            }
            return json_response({"models": facts, "limits": limits})


def _facts(name: str, model: ServedModel | None, takes_corrections: bool) -> dict[str, Any]:
    if model is None:
        return {"name": name} | dict.fromkeys(("task", "answer", "pairs", "labels", "corrected", "nearest"))
    return {
        "name": name,
        "task": model.task.name,
        "answer": model.answer_kind,
        "pairs": model.task.pairs,
        "labels": model.labels,
        "corrected": takes_corrections and model.is_labelling,
        "nearest": model.task.index is not None,
    }
