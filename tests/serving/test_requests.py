"""Requests that are refused: one form of errors, no 5xx, and nothing of them in the log."""

import json

import pytest

from tests.helpers.serving import serving

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def client(model_folders):
    names = ("binary", "pairs")
    limits = {"max_texts": 4, "max_characters": 200, "max_bytes": 4096}
    with serving({name: model_folders[name] for name in names}, **limits) as client:
        yield client


def assert_refused(response, status, *phrases):
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert error.keys() == {"code", "message", "request_id"}
    assert error["request_id"] == response.headers["x-request-id"]
    assert "\n" not in error["message"]
    for phrase in phrases:
        assert phrase in error["message"]


@pytest.mark.parametrize(
    ("body", "status", "phrase"),
    [
        (b"", 422, "missing"),
        (b"{", 400, "not valid JSON"),
        (b"\xff\xfe", 400, "UTF-8"),
        (b"null", 422, "must be a JSON object"),
        (b"[1]", 422, "must be a JSON object"),
        (b'"text"', 422, "must be a JSON object"),
        (b'{"model": "binary", "text": NaN}', 400, "NaN"),
        (b'{"model": "binary", "text": 1e999}', 400, "1e999"),
        (b'{"model": "binary", "text": "a", "text": "b"}', 400, "duplicate key"),
        (b'{"model": "binary", "text": "\\ud800"}', 400, "surrogate"),
        (b'{"model": "binary", "text": "a", "mode": 1}', 422, "mode: unknown key"),
        (b'{"model": "binary", "text": 3}', 422, "text: "),
        (b'{"model": "binary", "text": {"a": 1}}', 422, "text: "),
        (b'{"model": "binary", "texts": ["a", 3]}', 422, "texts.1: "),
        (b'{"model": "binary", "texts": "a"}', 422, "texts: "),
        (b'{"model": "binary", "texts": []}', 422, "texts: "),
        (b'{"model": "binary"}', 422, "send either text or texts"),
        (b'{"model": "binary", "text": "a", "texts": ["a"]}', 422, "send either text or texts"),
        (b'{"text": "a"}', 422, "name one of binary, pairs"),
        (b'{"model": "other", "text": "a"}', 404, "no model has the name 'other'"),
        (b'{"model": "binary", "text": ["a", "b"]}', 422, "takes single texts"),
        (b'{"model": "pairs", "text": "a"}', 422, "takes pairs"),
        (b'{"model": "pairs", "text": ["a", "b", "c"]}', 422, "text: "),
        (b'{"model": "binary", "texts": ["a", "b", "c", "d", "e"]}', 413, "4 are allowed"),
        (json.dumps({"model": "binary", "text": "a" * 201}).encode(), 413, "200 are allowed"),
        (json.dumps({"model": "binary", "text": "a" * 5000}).encode(), 413, "4,096 are allowed"),
        (b"[" * 2000, 400, "not valid JSON"),
        (b"[" * 2000 + b"]" * 2000, 400, "nested deeper"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, 400, "nested deeper"),
        (b"1" * 4096, 400, "the number 1111"),
        (b"1" * 100, 422, "must be a JSON object"),
    ],
)
def test_bodies_are_refused_in_one_form(client, body, status, phrase):
    assert_refused(client.post("/predict", content=body, headers=JSON), status, phrase)


def test_many_small_values_are_refused_before_they_are_parsed(model_folders):
    with serving({"binary": model_folders["binary"]}) as client:
        body = b'{"texts": [' + b"[]," * 200_000 + b"[]]}"
        assert_refused(client.post("/predict", content=body, headers=JSON), 413, "values")


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "x"])
def test_other_types_of_bodies_are_refused(client, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = client.post("/predict", content=b'{"model": "binary", "text": "a"}', headers=headers)
    assert_refused(response, 415, "Content-Type: application/json")


def test_unknown_addresses_and_methods_are_refused(client):
    assert_refused(client.get("/nothing"), 404)
    assert_refused(client.get("/predict"), 405)
    assert_refused(client.post("/v1/models/other:predict", json={"instances": ["a"]}), 404)
    assert client.request("DELETE", "/predict").headers["allow"] == "POST"


def test_request_id_of_the_client_is_kept_unless_it_is_odd(client):
    content = {"model": "binary", "text": "a"}
    assert client.post("/predict", json=content, headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    odd = client.post("/predict", json=content, headers={"X-Request-Id": "a b\x1b[0m"}).headers["x-request-id"]
    assert len(odd) == 32


def test_log_has_a_record_for_each_request_and_no_texts(model_folders):
    with serving({"binary": model_folders["binary"]}) as client:
        client.post("/predict", json={"texts": ["a secret", "another"]}, headers={"X-Request-Id": "r1"})
        client.post("/predict", json={"texts": ["a secret"], "odd": 1})
    requests = [record for record in client.records if record["event"] == "request"]
    assert [record["status"] for record in requests] == [200, 422]
    assert (requests[0]["request_id"], requests[0]["model"], requests[0]["texts"]) == ("r1", "binary", 2)
    assert "secret" not in json.dumps(client.records)


def test_texts_are_logged_on_request(model_folders):
    with serving({"binary": model_folders["binary"]}, log_texts=True) as client:
        client.post("/predict", json={"text": "shown"})
    assert next(record for record in client.records if "content" in record)["content"] == ["shown"]


def test_document_of_the_api_names_all_routes_and_loads_nothing(client):
    document = client.get("/openapi.json").json()
    routes = {"/predict", "/v1/models/{name}:predict", "/v2/models/{name}/infer", "/v1/embeddings", "/healthz"}
    assert routes <= document["paths"].keys()
    assert client.get("/docs").status_code == 404


def test_metrics_count_requests_by_status(client):
    before = client.get("/metrics").text
    client.post("/predict", content=b"{", headers=JSON)
    assert before.count('textgraft_requests_total{route="/predict",status="400"}') <= 1
    assert 'textgraft_requests_total{route="/predict",status="400"}' in client.get("/metrics").text


def test_unexpected_exception_is_500_with_a_traceback_in_the_log_only(model_folders, monkeypatch):
    with serving({"binary": model_folders["binary"]}) as client:
        model = client.service.models.loaded["binary"]
        monkeypatch.setattr(model, "answers", lambda texts, truncated: 1 / 0)
        response = client.post("/predict", json={"text": "a"})
        monkeypatch.undo()
        assert client.post("/predict", json={"text": "a"}).status_code == 200
    assert_refused(response, 500, "its log has the reason")
    assert "ZeroDivisionError" not in response.text
    (failure,) = [record for record in client.records if record["event"] == "request_failed"]
    assert "ZeroDivisionError" in failure["traceback"]
    assert failure["request_id"] == response.json()["error"]["request_id"]
