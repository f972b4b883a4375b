"""Served answers are those of `predict`, whatever they are computed beside."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.nasty_texts import NASTY
from tests.helpers.serving import serving

TEXTS = [*NASTY, "a great film", "one two three " * 40]
PAIRS = [[text, text[::-1]] for text in TEXTS]
CLIENTS = 32


def predictions(client, model, texts):
    response = client.post("/predict", json={"model": model, "texts": texts})
    assert response.status_code == 200, response.text
    return response.json()["predictions"]


def texts_for(kind):
    return PAIRS if kind == "pairs" else TEXTS


@cache
def expected_predictions(folder, kind):
    """What `predict` and `predict_proba` return in Python, in the form of the server."""
    model = tg.load(folder, "float32")
    texts = texts_for(kind)
    answers = model.predict(texts)
    if kind == "embedder":
        return [{"vector": vector.tolist()} for vector in answers]
    if kind == "entities":
        return [{"entities": [entity._asdict() for entity in entities]} for entities in answers]
    if kind == "regression":
        return [{"value": value} for value in answers]
    rows = [
        dict(zip(map(str, model.objective.labels), row.tolist(), strict=True)) for row in model.predict_proba(texts)
    ]
    if kind == "multi-label":
        return [{"labels": labels, "probabilities": row} for labels, row in zip(answers, rows, strict=True)]
    return [
        {"label": label, "probability": max(row.values()), "probabilities": row}
        for label, row in zip(answers, rows, strict=True)
    ]


def assert_equal(value, expected, tolerance=1.001e-6):
    """Equal in form, texts and whole numbers; other numbers to 1e-6 (a digit of a rounded one), relative above 1."""
    if isinstance(expected, dict):
        assert value.keys() == expected.keys()
        for key, item in expected.items():
            assert_equal(value[key], item)
    elif isinstance(expected, list):
        assert len(value) == len(expected)
        for item, expected_item in zip(value, expected, strict=True):
            assert_equal(item, expected_item)
    elif isinstance(expected, float):
        assert abs(value - expected) <= tolerance * max(1, abs(expected))
    else:
        assert value == expected
        assert type(value) is type(expected)


@pytest.mark.parametrize("kind", ["binary", "multi-label", "regression", "pairs", "windows", "entities", "embedder"])
def test_answers_are_those_of_predict_together_and_alone(client, model_folders, kind):
    expected, texts = expected_predictions(model_folders[kind], kind), texts_for(kind)
    assert_equal(predictions(client, kind, texts), expected)
    alone = [prediction for text in texts for prediction in predictions(client, kind, [text])]
    assert_equal(alone, expected)


def test_32_clients_get_the_answers_to_their_texts(client, model_folders):
    kinds = ("binary", "entities", "embedder", "pairs")
    expected = {kind: expected_predictions(model_folders[kind], kind) for kind in kinds}

    def ask(number):
        random = np.random.default_rng(number)
        for _ in range(12):
            kind = kinds[random.integers(len(kinds))]
            chosen = random.integers(len(TEXTS), size=random.integers(1, 6))
            texts = [texts_for(kind)[index] for index in chosen]
            assert_equal(predictions(client, kind, texts), [expected[kind][index] for index in chosen])
        return number

    with ThreadPoolExecutor(CLIENTS) as pool:
        assert sorted(pool.map(ask, range(CLIENTS))) == list(range(CLIENTS))
    batch_texts = client.service.metrics.text().decode()
    batches = float(batch_texts.split('textgraft_batch_texts_count{model="binary"} ')[1].split("\n")[0])
    texts = float(batch_texts.split('textgraft_texts_total{model="binary"} ')[1].split("\n")[0])
    assert texts > batches, "requests were never computed together"


def test_requests_of_many_texts_are_computed_in_parts(client, model_folders):
    texts = [text for text in TEXTS if len(text) < 1000] * 15
    assert len(texts) > 512  # of a batch
    expected = dict(zip(TEXTS, predictions(client, "entities", TEXTS), strict=True))
    assert_equal(predictions(client, "entities", texts), [expected[text] for text in texts])


def test_truncation_is_reported_for_the_texts_of_each_request(client, model_folders):
    long, short = "one two three " * 40, "a great film"

    def ask(text):
        return client.post("/predict", json={"model": "binary", "text": text}).json()["truncated"]

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(ask, [long, short] * 20))
    assert all(count == {"texts": 0, "tokens": 0} for count in counts[1::2])
    assert all(count["texts"] == 1 and count["tokens"] > 50 for count in counts[::2])
    assert 'textgraft_truncated_texts_total{model="binary"}' in client.service.metrics.text().decode()


def test_engine_and_precision_are_those_of_predict(model_folders):
    pytest.importorskip("onnxruntime")
    from textgraft.serving.served_model import LoadingOptions, load_model
    from textgraft.training.token_ids import TruncationCount

    folder = model_folders["binary"]
    model = load_model("m", folder, LoadingOptions("float32", "onnx"))
    assert model.task.engine == "onnx"
    expected = tg.load(folder, "float32", "onnx").predict_proba(TEXTS)
    np.testing.assert_allclose(model.answers(TEXTS, TruncationCount())["scores"], expected, atol=1e-6)


def test_preset_is_served_as_an_embedder(tiny_bert):
    with serving({"tiny": str(tiny_bert)}) as client:
        expected = tg.TextEmbedder(str(tiny_bert), "float32").predict(TEXTS[:5])
        vectors = [row["vector"] for row in predictions(client, "tiny", TEXTS[:5])]
        np.testing.assert_allclose(vectors, expected, atol=1e-6)
