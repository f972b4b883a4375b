"""Training texts nearest to a text, which the server answers with where a folder keeps them."""

import pytest

from tests.helpers.serving import serving, task_of


@pytest.fixture(scope="module")
def client(folder_with_texts, model_folders):
    with serving({"kept": folder_with_texts, "other": model_folders["binary"]}) as client:
        yield client


def test_nearest_texts_are_those_of_the_model(client):
    answer = client.post("/nearest", json={"model": "kept", "text": "a good film", "count": 3}).json()
    (explanation,) = task_of(client, "kept").explain(["a good film"], nearest=3)
    assert answer["model"] == "kept"
    assert [text["text"] for text in answer["texts"]] == [neighbour.text for neighbour in explanation.nearest]
    assert [text["label"] for text in answer["texts"]] == [neighbour.label for neighbour in explanation.nearest]
    similarities = [neighbour.similarity for neighbour in explanation.nearest]
    assert [text["similarity"] for text in answer["texts"]] == pytest.approx(similarities, abs=1e-3)
    again = client.post("/nearest", json={"model": "kept", "text": "very bad"}).json()
    assert len(again["texts"]) == 5
    assert again["texts"][0]["text"] == "very bad"


def test_models_say_whether_they_keep_texts(client):
    models = client.get("/models").json()["models"]
    assert {model["name"]: model["nearest"] for model in models} == {"kept": True, "other": False}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"model": "other", "text": "a"}, "other keeps no training texts; train it with --keep-index"),
        ({"model": "kept", "text": ["a", "b"]}, "takes single texts"),
        ({"model": "kept", "text": "a", "count": 21}, "count"),
    ],
)
def test_what_has_no_nearest_texts_is_refused(client, body, message):
    response = client.post("/nearest", json=body)
    assert response.status_code == 422
    assert message in response.json()["error"]["message"]


def test_texts_are_not_logged(client):
    client.post("/nearest", json={"model": "kept", "text": "a secret word"})
    assert "secret" not in str(client.records)
    assert "dull plot" not in str(client.records)
