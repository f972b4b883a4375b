"""Training texts nearest to a text: `POST /nearest`, where the model folder keeps them."""

from weakref import WeakKeyDictionary

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from textgraft.serving.bodies import Body, TextOrPair, as_text
from textgraft.serving.errors import RequestError
from textgraft.serving.protocol import ServingProtocol, json_response
from textgraft.serving.served_index import MAX_NEAREST, ServedIndex
from textgraft.serving.served_model import ServedModel
from textgraft.serving.service import Service
from textgraft.tasks.objectives import DECIMALS

_DEFAULT_COUNT = 5


class NearestBody(Body):
    """A text, or a pair."""

    model: str | None = Field(None, description="Name of the model; may be omitted where there is only one.")
    text: TextOrPair = Field(description="A text, or a pair.")
    count: int = Field(_DEFAULT_COUNT, ge=1, le=MAX_NEAREST, description="Maximum number of training texts.")


class NearestText(BaseModel):
    """A training text, shortened, with its label as a string."""

    text: str | list[str] = Field(description="Two for a pair.")
    label: str
    similarity: float = Field(description="Cosine of the vectors that the model computes for the two texts.")


class NearestAnswer(BaseModel):
    """The nearest training texts, the nearest first."""

    model: str
    texts: list[NearestText]


class Nearest(ServingProtocol):
    """`POST /nearest`."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self._indexes = WeakKeyDictionary[ServedModel, ServedIndex]()

    def add_routes(self, router: APIRouter) -> None:
        @router.post("/nearest", response_model=NearestAnswer, summary="Nearest training texts", tags=["textgraft"])
        async def nearest(request: Request, body: NearestBody) -> Response:
            model = self.service.models.get(body.model)
            index = self._index_of(model)
            answer = await self.service.answer(request, index, [as_text(body.text)])
            rows = answer.arrays["rows"][0, : body.count].tolist()
            similarities = answer.arrays["similarities"][0, : body.count].astype(float).round(DECIMALS).tolist()
            texts = [index.neighbour(*both)._asdict() for both in zip(rows, similarities, strict=True)]
            return json_response({"model": model.name, "texts": texts})

    def _index_of(self, model: ServedModel) -> ServedIndex:
        if model.task.index is None:
            raise RequestError(
                422, "invalid", f"model: {model.name} keeps no training texts; train it with --keep-index"
            )
        if model not in self._indexes:
            self._indexes[model] = ServedIndex(model)
        return self._indexes[model]
