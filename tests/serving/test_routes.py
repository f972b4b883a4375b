"""Routes that read and check by themselves what FastAPI describes."""

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from textgraft.serving.routes import ExactPaths, StrictRoute


class Body(BaseModel):
    word: str


@pytest.fixture(scope="module")
def client():
    app = FastAPI()
    app.router.route_class = StrictRoute

    @app.post("/exact")
    async def exact(request: Request, body: Body, suffix: str | None = None) -> Response:
        return PlainTextResponse(f"{request.method} {body.word} {suffix}")

    @app.post("/named/{name}/exact")
    async def named(name: str, body: Body) -> Response:
        return PlainTextResponse(f"{name} {body.word}")

    @app.get("/named/{name}")
    async def state(name: str) -> Response:
        return PlainTextResponse(name)

    with TestClient(ExactPaths(app, app.router.routes)) as client:
        yield client


def test_endpoints_get_the_request_the_body_and_strings_of_path_and_query(client):
    assert client.post("/exact", json={"word": "a"}).text == "POST a None"
    assert client.post("/exact?suffix=b&other=c", json={"word": "a"}).text == "POST a b"
    assert client.post("/named/x/exact?name=y", json={"word": "a"}).text == "x a"
    assert client.get("/named/x%2Ey").text == "x.y"


def test_other_addresses_and_methods_are_those_of_fastapi(client):
    assert client.get("/exact").status_code == 405
    assert client.head("/named/x").status_code == 405
    assert client.post("/exact/more", json={}).status_code == 404
    assert client.get("/openapi.json").status_code == 200


def test_document_describes_bodies_and_strings(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert paths["/exact"]["post"]["requestBody"]["required"]
    assert [each["in"] for each in paths["/exact"]["post"]["parameters"]] == ["query"]
    assert [each["in"] for each in paths["/named/{name}"]["get"]["parameters"]] == ["path"]


def test_parameter_of_another_kind_is_an_error_at_the_start():
    def endpoint(number: int) -> Response:
        raise NotImplementedError

    with pytest.raises(TypeError, match="/path: parameter number is neither"):
        StrictRoute("/path", endpoint)
