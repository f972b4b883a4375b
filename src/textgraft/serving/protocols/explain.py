"""Words that a prediction depends on: `POST /explain`, by occlusion (see `explanation.words`)."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from textgraft.explanation.words import WordGroup, falls_without, without_words, words_of
from textgraft.export.format import Answers, Text
from textgraft.serving.bodies import Body, TextOrPair, as_text
from textgraft.serving.errors import RequestError
from textgraft.serving.protocol import ServingProtocol, json_response
from textgraft.serving.served_model import ServedModel
from textgraft.serving.settings import ServerOptions
from textgraft.tasks.objectives import DECIMALS

# Each group costs the time of the text.
_MAX_GROUPS = 256
_DEFAULT_GROUPS = 64


class ExplainBody(Body):
    """A text, and the label whose probability is explained."""

    model: str | None = Field(None, description="Name of the model; may be omitted where there is only one.")
    text: TextOrPair = Field(description="A text, or a pair.")
    label: str | None = Field(None, description="A key of the probabilities; by default the most probable.")
    groups: int = Field(
        _DEFAULT_GROUPS, ge=2, le=_MAX_GROUPS, description="Maximum groups; more words share the groups evenly."
    )


class WordEffect(BaseModel):
    """Words of a text, code points `start` to `end`, and by how much the score falls without them."""

    part: int = Field(description="1 in the second text of a pair, otherwise 0.")
    text: str
    start: int
    end: int
    effect: float


class ServedExplanation(BaseModel):
    """The score of a text, and the effect of each of its words."""

    model: str
    label: str | None = Field(description="Null for a number.")
    score: float = Field(description="Probability of the label, or the number.")
    words: list[WordEffect]
    truncated: bool = Field(description="Whether the model sees only a part of the text.")


class Explain(ServingProtocol):
    """`POST /explain`."""

    def add_routes(self, router: APIRouter) -> None:
        @router.post(
            "/explain",
            response_model=ServedExplanation,
            summary="Words that a prediction depends on",
            tags=["textgraft"],
        )
        async def explain(request: Request, body: ExplainBody) -> Response:
            model = self.service.models.get(body.model)
            text = as_text(body.text)
            _require_label(model, body.label)
            self.service.check_texts(model, [text])
            parts = (text,) if isinstance(text, str) else text
            groups, texts = await asyncio.to_thread(_occluded, parts, body.groups, self.service.options)
            answer = await self.service.answer(request, model, [text, *texts])
            label, scores = _scores(model, answer.arrays, body.label)
            return json_response(
                {
                    "model": model.name,
                    "label": label,
                    "score": round(float(scores[0]), DECIMALS),
                    "words": _effects(parts, groups, scores),
                    "truncated": answer.truncated.texts > 0,
                }
            )


def _require_label(model: ServedModel, label: str | None) -> None:
    if not (model.is_labelling or model.answer_kind == "value"):
        raise RequestError(
            422, "invalid", f"model: {model.name} answers with {model.answer_kind}; labels and numbers are explained"
        )
    if label is None:
        return
    if not model.is_labelling:
        raise RequestError(422, "invalid", f"label: {model.name} answers with a number; omit it")
    if label not in model.label_names:
        raise RequestError(422, "invalid", f"label: {model.name} has no label {label[:60]!r}; GET /models lists them")


def _occluded(parts: Sequence[str], max_groups: int, options: ServerOptions) -> tuple[list[WordGroup], list[Text]]:
    """The groups of words, and the text without each, which together are no larger than the largest request."""
    size = max(1, sum(len(part.encode()) for part in parts))
    allowed = min(max_groups, options.max_texts - 1, options.max_bytes // size)
    groups = words_of(parts, max(allowed, len(parts)))
    return groups, [_as_given(without_words(parts, words)) for words in groups]


def _as_given(parts: Sequence[str]) -> Text:
    return parts[0] if len(parts) == 1 else (parts[0], parts[1])


def _scores(model: ServedModel, arrays: Answers, label: str | None) -> tuple[str | None, np.ndarray]:
    """The explained label, None for a number, and the scores of the text and of those without words, float64 (n,)."""
    if "value" in arrays:
        return None, arrays["value"].astype(float)
    labels = model.label_names
    index = int(arrays["scores"][0].argmax()) if label is None else labels.index(label)
    return labels[index], arrays["scores"][:, index].astype(float)


def _effects(parts: Sequence[str], groups: Sequence[WordGroup], scores: np.ndarray) -> list[dict[str, Any]]:
    effects = falls_without(scores).round(DECIMALS).tolist()
    return [
        {**words._asdict(), "text": parts[words.part][words.start : words.end], "effect": effect}
        for words, effect in zip(groups, effects, strict=True)
    ]
