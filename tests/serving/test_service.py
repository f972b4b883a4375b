"""Requests whose clients leave, whose answers are late, and overload, through the whole application."""

import asyncio
import json
import time

import pytest

from tests.helpers.serving import serving
from textgraft.serving import service as serving_service
from textgraft.serving.admission import BatchTimes
from textgraft.serving.app import make_application

HEADERS = [(b"host", b"localhost"), (b"content-type", b"application/json")]


@pytest.fixture
def slow_client(model_folders, monkeypatch):
    """A client of a server whose batches, of one text each, take 0.3 s; `computed` of the client has the texts."""
    with serving({"binary": model_folders["binary"]}, timeout=2.0) as client:
        model, client.computed = client.service.models.loaded["binary"], []
        answers = model.answers

        def answer_slowly(texts, truncated):
            client.computed += texts
            time.sleep(0.3)
            return answers(texts, truncated)

        monkeypatch.setattr(model, "answers", answer_slowly)
        monkeypatch.setattr(model, "batch_cost", 3)
        monkeypatch.setattr(model, "times", BatchTimes())
        for cost in (3, 30):
            model.times.add(cost, 0.3 + cost / 1000)
        yield client


async def ask(app, text, leaves=False):
    """Status and headers of the response to a request, whose client may leave after it."""
    body = json.dumps({"text": text}).encode()
    messages, started = [{"type": "http.request", "body": body, "more_body": False}], []

    async def receive():
        if messages:
            return messages.pop()
        if not leaves:
            await asyncio.sleep(1000)
        return {"type": "http.disconnect"}

    async def send(message):
        started.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "query_string": b"",
        "root_path": "", "scheme": "http", "http_version": "1.1", "headers": HEADERS, "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }  # fmt: skip
    await app(scope, receive, send)
    return started[0]["status"], dict(started[0]["headers"])


def test_texts_of_clients_that_have_left_are_not_computed(slow_client, monkeypatch):
    monkeypatch.setattr(serving_service, "_SWEEP_SECONDS", 0.05)

    async def check():
        app = make_application(slow_client.service)
        sweeping = asyncio.create_task(slow_client.service.sweep())
        asking = [asyncio.create_task(ask(app, f"first {index}")) for index in range(3)]
        await asyncio.sleep(0.02)
        status, _ = await ask(app, "gone", leaves=True)
        assert status == 499
        assert [(await task)[0] for task in asking] == [200, 200, 200]
        sweeping.cancel()

    asyncio.run(check())
    assert sorted(slow_client.computed) == ["first 0", "first 1", "first 2"]


def test_overload_is_refused_at_once_and_what_is_admitted_is_answered_in_time(slow_client):
    async def check():
        app = make_application(slow_client.service)
        started = time.monotonic()

        async def timed(text):
            status, headers = await ask(app, text)
            return status, headers, time.monotonic() - started

        results = await asyncio.gather(*(timed(f"text {index}") for index in range(40)))
        answered = [seconds for status, _, seconds in results if status == 200]
        refused = [(headers, seconds) for status, headers, seconds in results if status == 429]
        assert len(answered) + len(refused) == 40
        assert 2 <= len(answered) <= 6  # of 0.3 s each, two at a time, within half of 2 s
        assert max(answered) < 2.0
        for headers, seconds in refused:
            assert int(headers[b"retry-after"]) >= 1
            assert seconds < 0.3

    asyncio.run(check())


def test_answer_that_is_late_is_503(slow_client, monkeypatch):
    model = slow_client.service.models.loaded["binary"]
    monkeypatch.setattr(model, "answers", lambda texts, truncated: time.sleep(3))
    response = slow_client.post("/predict", json={"text": "a"})
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "late"
    assert response.headers["retry-after"] == "1"
