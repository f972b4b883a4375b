"""What every request passes before the application: access, limits of its body, a request id, log and metrics."""

import asyncio
import base64
import hmac
import random
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from textgraft.serving.errors import RequestError, as_request_error, error_body, overloaded, too_large
from textgraft.serving.facts import Facts, set_facts
from textgraft.serving.page_files import PAGE_FILES
from textgraft.serving.service import Service
from textgraft.serving.settings import is_local

REQUEST_ID = "x-request-id"
# Load balancers and orchestrators ask these without a token; they show nothing about the models.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"})
LABEL_STUDIO = "/label-studio"

# For ids, which are no secrets: a system call for each would wait for other threads.
_RANDOM = random.Random()  # noqa: S311
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_WITH_BODY = ("POST", "PUT", "PATCH")
# Bodies in memory at once, as a multiple of the largest one.
_MAX_BODIES = 16
# A body that is refused is read to its end, as far as that, for a client to see the response.
_MAX_DISCARDED_BYTES = 256 << 20
_MAX_DISCARD_SECONDS = 10.0
_UNLOGGED_PATHS = OPEN_PATHS | {"/metrics"}  # asked every few seconds
_LOGGED_PATH = 200  # characters
_LOGGED_TEXT = 1000


class Gate:
    """The outermost ASGI application."""

    def __init__(self, app: ASGIApp, service: Service, tokens: Sequence[bytes]) -> None:
        self._app, self._service, self._tokens = app, service, tuple(tokens)
        self._options = service.options
        self._body_bytes = 0  # of the bodies in memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; other scopes go to the application."""
        if scope["type"] == "http":
            await _Exchange(self, scope, receive, send).run()
        else:
            await self._app(scope, receive, send)

    def require_access(self, path: str, headers: Headers) -> None:
        """Raise a RequestError unless a request may pass.

        Without tokens, the name of the host must be local: a page elsewhere whose name leads to this machine could read
        the answers.
        """
        if path in OPEN_PATHS or path in PAGE_FILES:
            return
        if self._tokens:
            token = _token(headers.get("authorization", ""), path)
            # All are compared, each in a time that does not depend on where they differ.
            matches = [hmac.compare_digest(token.encode("latin-1"), known) for known in self._tokens]
            if not any(matches):
                header = {"WWW-Authenticate": "Bearer"}
                raise RequestError(401, "unauthorized", "a bearer token is missing or wrong; send a valid one", header)
        elif not self._options.insecure and (host := headers.get("host")) and not is_local(_host_name(host)):
            raise RequestError(
                403, "wrong_host", f"the server answers for localhost, not {host[:60]!r}; start it with --token-file"
            )

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body of a request within the limits, then run the application.

        Raises:
            RequestError: for a body above a limit.
        """
        if scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        body = await self._read_body(Headers(scope=scope), receive)
        try:
            await self._app(scope, _replay(body, receive), send)
        finally:
            self._body_bytes -= len(body)

    async def _read_body(self, headers: Headers, receive: Receive) -> bytes:
        limit = self._options.max_bytes
        size = headers.get("content-length", "0")
        if not size.isdecimal() or len(size) > 20 or int(size) > limit:
            if "expect" not in headers:
                await _discard(receive)
            raise too_large(f"the body has {size[:20]} bytes, and {limit:,} are allowed; send fewer texts at once")
        try:
            async with asyncio.timeout(self._options.timeout):
                return await self._collect(receive, limit)
        except TimeoutError:
            raise RequestError(
                408, "slow_body", f"the body did not arrive within {self._options.timeout:g} s", {"Connection": "close"}
            ) from None

    async def _collect(self, receive: Receive, limit: int) -> bytes:
        """The body; its bytes count as in memory from here on, unless an error is raised."""
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise RequestError(499, "disconnected", "the client has left")
                part = message.get("body", b"")
                size += len(part)
                self._body_bytes += len(part)
                if size > limit:
                    parts.clear()
                    await _discard(receive)
                    raise too_large(f"the body has over {limit:,} bytes; send fewer texts at once")
                if self._body_bytes > _MAX_BODIES * self._options.max_bytes:
                    raise overloaded("too many large requests at once", 1)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
        except BaseException:
            self._body_bytes -= size
            raise

    def finish(self, scope: Scope, facts: Facts, status: int, seconds: float) -> None:
        """Count a request that was answered, and log it unless it asks for health or metrics."""
        route = getattr(scope.get("route"), "path", "other")
        self._service.metrics.count_request(route, status, seconds)
        if scope["path"] in _UNLOGGED_PATHS:
            return
        record: dict[str, Any] = {
            "request_id": facts.request_id,
            "client": (scope.get("client") or [None])[0],
            "method": scope["method"],
            "path": scope["path"][:_LOGGED_PATH],
            "status": status,
            "seconds": round(seconds, 4),
        }
        if facts.model is not None:
            record |= {"model": facts.model, "texts": len(facts.texts)}
            if self._options.log_texts:
                record["content"] = [_shortened(text) for text in facts.texts]
        self._service.log.event("request", **record)

    def log_error(self, facts: Facts, error: Exception) -> None:
        """Log an exception that nobody expected."""
        self._service.log.error("request_failed", error, request_id=facts.request_id)

    @property
    def is_draining(self) -> bool:
        """Whether connections end after their response."""
        return self._service.is_draining


class _Exchange:
    """A request and its response."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        self._gate, self._scope, self._receive, self._send = gate, scope, receive, send
        self._headers = Headers(scope=scope)
        self._facts = Facts(_request_id(self._headers.get(REQUEST_ID)))
        self._status: int | None = None
        set_facts(scope, self._facts)

    async def run(self) -> None:
        started = time.monotonic()
        try:
            self._gate.require_access(self._scope["path"], self._headers)
            await self._gate.run(self._scope, self._receive, self._respond)
        except RequestError as error:
            await self._refuse(error)
        except Exception as error:
            self._gate.log_error(self._facts, error)
            await self._refuse(as_request_error(error))
        finally:
            self._gate.finish(self._scope, self._facts, self._status or 499, time.monotonic() - started)

    async def _respond(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID] = self._facts.request_id
            if self._gate.is_draining:
                headers["connection"] = "close"
        await self._send(message)

    async def _refuse(self, error: RequestError) -> None:
        """Send an error, unless a response has begun."""
        if self._status is not None:
            return
        body = error_body(error, self._facts.request_id)
        headers: Mapping[str, str] = {
            "content-type": "application/json",
            "content-length": str(len(body)),
            **{name.lower(): value for name, value in (error.headers or {}).items()},
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._respond({"type": "http.response.start", "status": error.status_code, "headers": raw})
        await self._respond({"type": "http.response.body", "body": body})


def _token(authorization: str, path: str) -> str:
    """The bearer token of a request; for Label Studio, which sends none, the password of basic authentication."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic" and path.startswith(f"{LABEL_STUDIO}/"):
        with suppress(ValueError):
            return base64.b64decode(value.strip(), validate=True).decode("latin-1").partition(":")[2]
    return ""


def _request_id(text: str | None) -> str:
    return text if text and _REQUEST_ID.fullmatch(text) else f"{_RANDOM.getrandbits(128):032x}"


def _host_name(host: str) -> str:
    """The name in a Host header, without a port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _replay(body: bytes, receive: Receive) -> Receive:
    """A function that returns a body that was read, and then what follows it."""
    message: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def replay() -> Message:
        nonlocal message
        if message is None:
            return await receive()
        replayed, message = message, None
        return replayed

    return replay


async def _discard(receive: Receive) -> None:
    """Read the rest of a body, within limits."""
    size = 0
    try:
        async with asyncio.timeout(_MAX_DISCARD_SECONDS):
            while size <= _MAX_DISCARDED_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _shortened(text: Any) -> Any:
    return text[:_LOGGED_TEXT] if isinstance(text, str) else [part[:_LOGGED_TEXT] for part in text]
