"""The contract of a protocol of the server: routes that turn bodies into texts, and answers into responses."""

import json
from abc import ABC, abstractmethod
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from textgraft.serving.service import Service

PROTOCOLS = "serving.protocols"


class ServingProtocol(ABC):
    """One protocol; its module in `serving/protocols/` is its entry in the registry."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @abstractmethod
    def add_routes(self, router: APIRouter) -> None:
        """Add the routes of the protocol to a router of `StrictRoute`."""


def json_response(content: Any, status: int = 200) -> Response:
    """A response of JSON without NaN."""
    body = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return Response(body, status, media_type="application/json")
