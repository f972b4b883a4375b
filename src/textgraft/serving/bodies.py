"""Bodies of requests: strict JSON, checked against a model of pydantic."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import Headers

from textgraft.export.format import Text
from textgraft.serving.errors import RequestError, too_large
from textgraft.storage.strict_json import parse_strictly

_JSON = "application/json"

_MAX_DEPTH = 16
# Lists, objects and what they separate in one body: what takes most time and memory for its bytes.
_MAX_VALUES = 1 << 17


class Body(BaseModel):
    """The base of bodies: types are not converted, and unknown keys are refused."""

    model_config = ConfigDict(strict=True, extra="forbid")


# A list stops at its first wrong item: hostile ones have thousands.
Pair = Annotated[list[str], Field(fail_fast=True, min_length=2, max_length=2)]
TextOrPair = str | Pair


def as_text(text: str | list[str]) -> Text:
    """A string, or the pair of texts of a list."""
    return text if isinstance(text, str) else (text[0], text[1])


def parse_body(headers: Headers, body: bytes) -> Any:
    """The value of a body, JSON without a duplicate key, NaN or half of a surrogate pair, of bounded depth and size.

    Raises:
        RequestError: for another type by the headers, and for a body that is missing or malformed, or above a limit.
    """
    _require_json(headers.get("content-type", ""))
    if not body:
        raise RequestError(422, "invalid", "the body is missing; send JSON")
    if sum(map(body.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise too_large(f"the body has over {_MAX_VALUES:,} values; send fewer texts at once")
    try:
        return parse_strictly(body, _MAX_DEPTH)
    except UnicodeDecodeError:
        raise RequestError(400, "malformed", "the body is not valid UTF-8; encode it so") from None
    except ValueError as error:
        raise RequestError(400, "malformed", f"the body is not valid JSON: {error}; correct it") from None


def _require_json(content_type: str) -> None:
    """Refuse other types, which a page of any site may send to this machine without being allowed to."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != _JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise RequestError(415, "not_json", f"send JSON, with the header Content-Type: {_JSON}")
