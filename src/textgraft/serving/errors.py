"""Errors of requests: a status, and a body of one form for all protocols.

The body is {"error": {"code", "message", "request_id"}}; clients of OpenAI's API find the message there too.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException

from textgraft.terminal.escaping import printable

# By the types of pydantic's errors, whose messages speak of Python.
_PROBLEMS = {
    "extra_forbidden": "unknown key; remove it",
    "missing": "missing; send it",
    "model_type": "must be a JSON object",
}
# Parts of a location that name a type of a union, such as "str", "list[str]" or "NamedInputs".
_UNION_MEMBER = re.compile(r"^(str|[A-Z]\w*)$|\[")

_CODES = {404: "not_found", 405: "method_not_allowed"}


class RequestError(HTTPException):
    """A request that is not answered, for a reason that its sender can do something about.

    Args:
        status: HTTP status.
        code: a word for programs.
        message: one line: problem, fix.
        headers: of the response.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, printable(message), dict(headers or {}))
        self.code = code


def overloaded(message: str, seconds: float) -> RequestError:
    """The error of a request that cannot be answered in time; after these seconds it probably can."""
    retry = max(1, int(-(-seconds // 1)))
    return RequestError(429, "overloaded", f"{message}; try again in {retry} s", {"Retry-After": str(retry)})


def too_large(message: str) -> RequestError:
    """The error of a request above a limit."""
    return RequestError(413, "too_large", message)


def as_request_error(error: Exception) -> RequestError:
    """The error that a response reports for an exception of the framework."""
    if isinstance(error, RequestError):
        return error
    if isinstance(error, HTTPException):
        code = _CODES.get(error.status_code, "refused")
        return RequestError(error.status_code, code, str(error.detail), error.headers)
    return RequestError(500, "internal", "the server failed to answer; its log has the reason under the request_id")


def describe_validation(errors: Any) -> str:
    """The first of pydantic's errors as "LOCATION: problem"."""
    error = next(iter(errors))
    parts = [str(part) for part in error["loc"]]
    is_key = error["type"] == "extra_forbidden"  # which may look like the name of a type
    path = [part for part in parts[:-1] if not _UNION_MEMBER.search(part)]
    path += [part for part in parts[-1:] if is_key or not _UNION_MEMBER.search(part)]
    location = ".".join(path) or "the request"
    problem = _PROBLEMS.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{location}: {problem[:1].lower()}{problem[1:]}"


def error_body(error: RequestError, request_id: str) -> bytes:
    """The body of a response, JSON in UTF-8."""
    content = {"code": error.code, "message": str(error.detail), "request_id": request_id}
    return json.dumps({"error": content}, ensure_ascii=False).encode()
