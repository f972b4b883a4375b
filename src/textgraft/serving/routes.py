"""Routes, which FastAPI describes in the OpenAPI document, and which read, check and call by themselves."""

from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from textgraft.serving.bodies import parse_body
from textgraft.serving.errors import RequestError, describe_validation

_TEXT = (str, str | None)


class StrictRoute(APIRoute):
    """A route whose endpoint takes the request, a body, and strings of the path or the query, and returns a response.

    FastAPI would solve dependencies, which no endpoint has, and validate answers, in as long as all else of a request.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._body: tuple[str, type[BaseModel]] | None = None
        self._request: str | None = None
        self._strings: list[str] = []
        for name, parameter in signature(endpoint).parameters.items():
            kind = parameter.annotation
            if kind is Request:
                self._request = name
            elif kind in _TEXT:
                self._strings.append(name)
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                self._body = name, kind
            else:
                raise TypeError(f"{path}: parameter {name} is neither a request, nor a body, nor a string")
        self.app = self._respond

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        arguments: dict[str, Any] = {} if self._request is None else {self._request: request}
        for name in self._strings:
            arguments[name] = request.path_params.get(name) or request.query_params.get(name)
        if self._body:
            name, kind = self._body
            arguments[name] = _validated(parse_body(request.headers, await request.body()), kind)
        response = await self.endpoint(**arguments)
        await response(scope, receive, send)


class ExactPaths:
    """An ASGI application: requests for a path without parameters go to their route, others to an application.

    That application would match the path with each of its routes in turn. HEAD is answered as GET, without the body,
    which the server of HTTP drops: monitors ask so.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[Any]) -> None:
        self._app = app
        self._routes = {
            (method, route.path): route
            for route in routes
            if isinstance(route, StrictRoute) and "{" not in route.path
            for method in _methods(route)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        route = self._routes.get((scope.get("method", ""), scope.get("path", "")))
        if route is None:
            await self._app(scope, receive, send)
        else:
            scope["route"] = route
            await route.app(scope, receive, send)


def _methods(route: StrictRoute) -> set[str]:
    methods = set(route.methods or ())
    return methods | {"HEAD"} if "GET" in methods else methods


def _validated(value: Any, kind: type[BaseModel]) -> BaseModel:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        message = describe_validation(error.errors(include_url=False, include_context=False, include_input=False))
        raise RequestError(422, "invalid", message) from None
