"""Words that served predictions depend on, and what clients learn about models."""

import pytest

from tests.helpers.serving import task_of
from textgraft.serving.settings import ServerOptions

TEXT = "Ada saw a great film in 東京"


def explain(client, **body):
    response = client.post("/explain", json=body)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("label", [None, "false", "true"])
def test_effect_of_a_word_is_the_fall_of_the_probability_without_it(client, label):
    explanation = explain(client, model="binary", text=TEXT, **({"label": label} if label else {}))
    model = task_of(client, "binary")
    words = explanation["words"]
    assert [word["text"] for word in words] == ["Ada", "saw", "a", "great", "film", "in", "東", "京"]
    assert all(TEXT[word["start"] : word["end"]] == word["text"] for word in words)
    without = ["saw a great film in 東京", "Ada a great film in 東京", "Ada saw a great film in東京"]
    scores = model.predict_proba([TEXT, *without])
    column = scores[0].argmax() if label is None else ["false", "true"].index(label)
    assert explanation["label"] == ["false", "true"][column]
    assert explanation["score"] == pytest.approx(scores[0, column], abs=2e-6)
    effects = [words[index]["effect"] for index in (0, 1, 5)]
    without_in = model.predict_proba(["Ada saw a great film 東京"])
    expected = scores[0, column] - [*scores[1:3, column], without_in[0, column]]
    assert effects == pytest.approx(expected, abs=2e-6)
    assert any(abs(effect) > 1e-3 for effect in effects)


def test_numbers_sets_and_pairs_are_explained(client):
    number = explain(client, model="regression", text="a great film")
    values = task_of(client, "regression").predict(["a great film", "great film"])
    assert (number["label"], number["score"]) == (None, pytest.approx(values[0], rel=1e-6))
    assert number["words"][0]["effect"] == pytest.approx(values[0] - values[1], rel=1e-3)
    assert explain(client, model="multi-label", text="a great film", label="a")["label"] == "a"
    pair = explain(client, model="pairs", text=["a great", "film"])
    assert [(word["part"], word["text"]) for word in pair["words"]] == [(0, "a"), (0, "great"), (1, "film")]


def test_long_texts_have_groups_of_words_and_say_that_they_are_truncated(client):
    explanation = explain(client, model="binary", text="word " * 100, groups=10)
    assert [len(group["text"].split()) for group in explanation["words"]] == [10] * 10
    assert explanation["truncated"] is True
    assert explain(client, model="binary", text="a film")["truncated"] is False
    assert explain(client, model="binary", text="")["words"] == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": "entities", "text": "a"}, "answers with entities"),
        ({"model": "embedder", "text": "a"}, "answers with vector"),
        ({"model": "regression", "text": "a", "label": "a"}, "answers with a number"),
        ({"model": "binary", "text": "a", "label": "z"}, "no label 'z'"),
        ({"model": "binary", "text": ["a", "b"]}, "takes single texts"),
        ({"model": "binary", "text": "a", "groups": 1000}, "groups"),
    ],
)
def test_what_cannot_be_explained_is_refused(client, body, message):
    response = client.post("/explain", json=body)
    assert response.status_code == 422
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("options", "text", "groups"),
    [
        ({"max_texts": 5}, "a b c d e f g h", 4),
        ({"max_bytes": 2000}, "long words " * 40, 4),  # of 440 bytes
    ],
)
def test_explanations_stay_within_the_limits_of_a_request(client, monkeypatch, options, text, groups):
    monkeypatch.setattr(client.service, "options", ServerOptions(timeout=600, **options))
    assert len(explain(client, model="binary", text=text)["words"]) == groups


@pytest.mark.parametrize(("options", "text"), [({"max_characters": 50}, "a" * 51), ({"max_texts": 1}, "a b")])
def test_texts_above_the_limits_are_not_explained(client, monkeypatch, options, text):
    monkeypatch.setattr(client.service, "options", ServerOptions(timeout=600, **options))
    assert client.post("/explain", json={"model": "binary", "text": text}).status_code == 413


def test_texts_are_not_logged(client):
    explain(client, model="binary", text="a secret word")
    assert "secret" not in str(client.records)


def test_models_are_described(client):
    content = client.get("/models").json()
    facts = {model["name"]: model for model in content["models"]}
    answers = {name: model["answer"] for name, model in facts.items()}
    assert answers == {
        "binary": "label", "multi-label": "labels", "regression": "value", "pairs": "label", "windows": "label",
        "entities": "entities", "embedder": "vector",
    }  # fmt: skip
    assert facts["binary"]["labels"] == [False, True]
    assert facts["entities"]["labels"] == ["PER", "ORG"]
    assert facts["regression"]["labels"] is facts["embedder"]["labels"] is None
    assert [name for name, model in facts.items() if model["pairs"]] == ["pairs"]
    assert content["limits"] == {"texts": 1024, "characters": 100_000, "bytes": 4 << 20, "seconds": 600.0}


def test_model_that_is_loading_is_described_by_its_name(client, monkeypatch):
    models = client.service.models
    monkeypatch.setattr(models, "loaded", {name: model for name, model in models.loaded.items() if name != "binary"})
    facts = client.get("/models").json()["models"][0]
    assert facts == {
        "name": "binary", "task": None, "answer": None, "pairs": None, "labels": None, "corrected": None,
        "nearest": None,
    }  # fmt: skip
