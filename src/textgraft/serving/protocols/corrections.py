"""Labels that people give in place of predictions: `POST /corrections`, with `serve --corrections FILE`."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from textgraft.data.label_types import Label
from textgraft.serving.bodies import Body, TextOrPair, as_text
from textgraft.serving.errors import RequestError
from textgraft.serving.protocol import ServingProtocol, json_response
from textgraft.serving.served_model import ServedModel

_SAME_SITE = ("same-origin", "none")  # none: a user's own request, such as by the address bar


class CorrectionBody(Body):
    """A text with the right label."""

    model: str | None = Field(None, description="Name of the model; may be omitted where there is only one.")
    text: TextOrPair = Field(description="A text, or a pair.")
    label: str | int | bool | Annotated[list[str | int | bool], Field(fail_fast=True)] = Field(
        description="One of the model's labels, in their type; a list of them for a model of sets."
    )


class CorrectionAnswer(BaseModel):
    """The correction is on disk."""

    saved: bool


class Corrections(ServingProtocol):
    """`POST /corrections`."""

    def add_routes(self, router: APIRouter) -> None:
        @router.post(
            "/corrections",
            response_model=CorrectionAnswer,
            status_code=201,
            summary="The right label of a text, for later training",
            tags=["textgraft"],
        )
        async def correct(request: Request, body: CorrectionBody) -> Response:
            file = self.service.corrections
            if file is None:
                raise RequestError(404, "no_corrections", "corrections are off; start with --corrections FILE")
            _require_same_site(request.headers)
            model = self.service.models.get(body.model)
            if not model.is_labelling:
                raise RequestError(422, "invalid", f"model: {model.name} has no labels to choose from")
            text = as_text(body.text)
            self.service.check_texts(model, [text])
            names = ("text",) if isinstance(text, str) else ("text", "text_pair")
            parts = (text,) if isinstance(text, str) else text
            row = dict(zip(names, parts, strict=True)) | {"label": _checked_label(model, body.label)}
            await asyncio.to_thread(file.append, row)
            return json_response({"saved": True}, 201)


def _require_same_site(headers: Headers) -> None:
    """Refuse what a page of another site sends, by what the browser says about it; programs say nothing.

    Browsers send Sec-Fetch-Site to this machine and over TLS, and Origin everywhere.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    is_other = site not in _SAME_SITE if site else bool(origin) and urlsplit(origin).netloc != headers.get("host")
    if is_other:
        raise RequestError(403, "other_site", "corrections of pages of other sites are not taken; use the page at /")


def _checked_label(model: ServedModel, label: Any) -> Label | list[Label]:
    """A label, or a set of them in the order of the model's, as the training had them."""
    classes = model.labels or []
    if model.answer_kind == "label":
        return next(iter(_known(model, classes, [label])))
    if not isinstance(label, list):
        raise RequestError(422, "invalid", f"label: {model.name} answers with sets of labels; send a list")
    chosen = _known(model, classes, label)
    return [value for value in classes if value in chosen]


def _known(model: ServedModel, classes: Sequence[Label], labels: Sequence[Any]) -> Sequence[Label]:
    for label in labels:
        # true and 1 are equal, and not of one type.
        if not any(label == known and type(label) is type(known) for known in classes):
            raise RequestError(
                422, "invalid", f"label: {model.name} has no label {str(label)[:60]!r}; GET /models lists them"
            )
    return labels
