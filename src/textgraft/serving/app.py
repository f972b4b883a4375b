"""The application: the routes of all protocols, health, metrics and the OpenAPI document, behind the gate."""

from collections.abc import Sequence
from importlib.metadata import version

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp

from textgraft import registry
from textgraft.serving.errors import as_request_error, error_body
from textgraft.serving.facts import facts_of
from textgraft.serving.gate import Gate
from textgraft.serving.metrics import CONTENT_TYPE
from textgraft.serving.protocol import PROTOCOLS, ServingProtocol, json_response
from textgraft.serving.routes import ExactPaths, StrictRoute
from textgraft.serving.service import Service


class ErrorFacts(BaseModel):
    """What is wrong, and the id under which the log has the request."""

    code: str
    message: str
    request_id: str


class ErrorAnswer(BaseModel):
    """The form of all errors."""

    error: ErrorFacts


_ERRORS = {
    400: "Not JSON",
    401: "No valid token",
    403: "A name of the host that is not this machine's",
    404: "No such model",
    408: "The body arrives too slowly",
    413: "Above a limit",
    415: "Not JSON by its header Content-Type",
    422: "Not what the model takes",
    429: "Cannot be answered in time; the header Retry-After says when to try again",
    500: "An unexpected failure, or an output that is not a finite number",
    503: "Not ready",
}


def make_application(service: Service, tokens: Sequence[bytes] = ()) -> ASGIApp:
    """The ASGI application of a server; where there are bearer tokens, a request needs one of them."""
    app = FastAPI(
        title="textgraft",
        version=version("textgraft"),
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        responses={status: {"model": ErrorAnswer, "description": text} for status, text in _ERRORS.items()},
    )
    for kind in (HTTPException, Exception):
        app.add_exception_handler(kind, _error_response)
    # All routes are those of one router: routers inside it are matched several times for each request.
    app.router.route_class = StrictRoute
    _add_health(app, service)
    for name in registry.names(PROTOCOLS):
        registry.implementation(PROTOCOLS, name, ServingProtocol)(service).add_routes(app.router)
    return Gate(ExactPaths(app, app.router.routes), service, tokens)


def _add_health(app: FastAPI, service: Service) -> None:
    @app.get("/healthz", summary="Whether the server runs", tags=["health"])
    async def healthz() -> Response:
        return json_response({"status": "ok" if service.is_alive else "failed"}, 200 if service.is_alive else 503)

    @app.get("/readyz", summary="Whether all models are ready", tags=["health"])
    async def readyz() -> Response:
        names = dict.fromkeys(service.models.sources, "loading") | dict.fromkeys(service.models.loaded, "ready")
        status = "draining" if service.is_draining else "ready" if service.is_ready else "loading"
        return json_response({"status": status, "models": names}, 200 if service.is_ready else 503)

    @app.get(
        "/metrics", response_class=PlainTextResponse, summary="Metrics in the format of Prometheus", tags=["health"]
    )
    async def metrics() -> Response:
        return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE})


async def _error_response(request: Request, error: Exception) -> Response:
    failure = as_request_error(error)
    body = error_body(failure, facts_of(request.scope).request_id)
    return Response(body, failure.status_code, failure.headers, "application/json")
