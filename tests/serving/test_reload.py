"""A folder that is replaced while it is served."""

import json
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.exports import classifier
from tests.helpers.serving import serving
from textgraft.serving import models as serving_models

TEXTS = ["a great film", "bad", "one two three " * 10]
PATIENCE = 60.0


@pytest.fixture
def folder(model_folders, tmp_path):
    return shutil.copytree(model_folders["binary"], tmp_path / "model")


@pytest.fixture
def client(folder, monkeypatch):
    monkeypatch.setattr(serving_models, "_POLL_SECONDS", 0.05)
    with serving({"model": str(folder)}) as client:
        watching = threading.Thread(target=client.service.models.watch)
        watching.start()
        yield client
        client.service.models.stop()
        watching.join()


def probabilities(client):
    response = client.post("/predict", json={"texts": TEXTS})
    assert response.status_code == 200, response.text
    return [row["probabilities"]["true"] for row in response.json()["predictions"]]


def wait_for_event(client, event):
    started = time.monotonic()
    while time.monotonic() - started < PATIENCE:
        for record in client.records:
            if record["event"] == event:
                return record
        time.sleep(0.02)
    raise AssertionError(f"no {event} in {client.records}")


def other_model(tiny_bert):
    model = classifier(str(tiny_bert), "binary")
    kernel, _ = model.head.layers[-1].weights
    kernel.assign(-kernel.numpy())
    return model


def test_replaced_folder_is_served_without_a_lost_request(client, folder, tiny_bert):
    before, ended = probabilities(client), threading.Event()
    answers = []

    def ask():
        while not ended.is_set():
            answers.append(probabilities(client))

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask) for _ in range(8)]
        model = other_model(tiny_bert)
        model.save(folder, overwrite=True)
        wait_for_event(client, "reloaded")
        after = probabilities(client)
        ended.set()
        for future in asking:
            future.result()
    assert np.abs(np.subtract(before, after)).max() > 0.01
    for answer in answers:
        assert any(np.allclose(answer, expected, atol=1e-6) for expected in (before, after))
    assert any(np.allclose(answer, before, atol=1e-6) for answer in answers)
    assert 'result="loaded"} 1.0' in client.get("/metrics").text


def test_folder_that_cannot_be_loaded_leaves_the_earlier_model(client, folder):
    before = probabilities(client)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"]["model.safetensors"] = "0" * 64
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "model.safetensors" in wait_for_event(client, "reload_failed")["reason"]
    assert 'result="failed"} 1.0' in client.get("/metrics").text
    assert probabilities(client) == before
    assert client.get("/readyz").status_code == 200


def test_model_for_another_task_is_not_taken(client, folder, model_folders):
    before = probabilities(client)
    tg.load(model_folders["embedder"], "float32").save(folder, overwrite=True)
    assert "feature-extraction now; restart" in wait_for_event(client, "reload_failed")["reason"]
    assert probabilities(client) == before
