"""Label Studio's protocol of ML backends, with the bodies that it sends."""

import base64
import time

import pytest

from tests.helpers.serving import serving, task_of
from textgraft.data.exports import find_export
from textgraft.serving.labelling_config import project_tags

TOKEN = b"0123456789abcdef"
TEXTS = ["Ada met Charles 😀 in London.", "one two three", ""]

CHOICES = """<View>
  <Text name="text" value="$body"/>
  <Choices name="kind" toName="text" choice="single">
    <Choice value="false"/><Choice value="true" alias="yes"/>
  </Choices>
</View>"""
LABELS = """<View>
  <Labels name="label" toName="text"><Label value="PER" background="red"/><Label value="ORG"/></Labels>
  <Text name="text" value="$body"/>
</View>"""
SETS = CHOICES.replace('"false"', '"a"').replace('value="true" alias="yes"', 'value="b"').replace("single", "multiple")
NUMBER = '<View><Text name="text" value="$body"/><Number name="n" toName="text"/></View>'
PAIR = """<View><Text name="first" value="$body"/><Text name="second" value="$other"/>
  <Choices name="kind" toName="first"><Choice value="x"/><Choice value="y"/><Choice value="z"/></Choices></View>"""


def body_of(config, texts=TEXTS):
    """As Label Studio sends it, shortened."""
    tasks = [
        {"id": index, "data": {"body": text, "other": text[::-1]}, "meta": {}, "annotations": [], "is_labeled": False}
        for index, text in enumerate(texts)
    ]
    params = {"login": None, "password": None, "context": None}
    return {"tasks": tasks, "model_version": "", "project": "1.1700000000", "label_config": config, "params": params}


def predict(client, name, config, texts=TEXTS):
    response = client.post(f"/label-studio/{name}/predict", json=body_of(config, texts))
    assert response.status_code == 200, response.text
    content = response.json()
    assert len(content["results"]) == len(texts)
    assert all(prediction["model_version"] == content["model_version"] for prediction in content["results"])
    return content


def test_labels_are_choices_by_their_alias(client):
    content = predict(client, "binary", CHOICES)
    model = task_of(client, "binary")
    probabilities = model.predict_proba(TEXTS).max(axis=1)
    for prediction, label, probability in zip(content["results"], model.predict(TEXTS), probabilities, strict=True):
        (result,) = prediction["result"]
        assert (result["from_name"], result["to_name"], result["type"]) == ("kind", "text", "choices")
        assert result["value"] == {"choices": ["yes" if label else "false"]}
        assert prediction["score"] == result["score"] == pytest.approx(probability, abs=2e-6)


def test_entities_are_labels_with_offsets_in_code_points(client):
    content = predict(client, "entities", LABELS)
    expected = task_of(client, "entities").predict(TEXTS)
    assert sum(map(len, expected)) > 0
    for text, prediction, entities in zip(TEXTS, content["results"], expected, strict=True):
        values = [result["value"] for result in prediction["result"]]
        assert [(value["start"], value["end"], value["labels"]) for value in values] == [
            (entity.start, entity.end, [entity.label]) for entity in entities
        ]
        assert all(text[value["start"] : value["end"]] == value["text"] for value in values)
        assert {result["type"] for result in prediction["result"]} <= {"labels"}


def test_predictions_are_read_back_as_annotations(client):
    results = predict(client, "entities", LABELS)["results"]
    item = {"data": {"text": TEXTS[0]}, "annotations": [{"result": results[0]["result"]}]}
    (record,) = find_export([item]).records(item)
    assert [(entity["start"], entity["end"]) for entity in record["entities"]] == [
        (result["value"]["start"], result["value"]["end"]) for result in results[0]["result"]
    ]


def test_sets_numbers_and_pairs_have_results(client):
    sets = predict(client, "multi-label", SETS)["results"]
    expected = task_of(client, "multi-label").predict(TEXTS)
    chosen = [[result["value"]["choices"] for result in prediction["result"]] for prediction in sets]
    assert chosen == [[labels] if labels else [] for labels in expected]
    numbers = predict(client, "regression", NUMBER)["results"]
    values = task_of(client, "regression").predict(TEXTS)
    assert [prediction["result"][0]["value"]["number"] for prediction in numbers] == pytest.approx(values)
    pairs = predict(client, "pairs", PAIR)["results"]
    labels = task_of(client, "pairs").predict([(text, text[::-1]) for text in TEXTS])
    assert [prediction["result"][0]["value"]["choices"] for prediction in pairs] == [[label] for label in labels]


def test_labels_that_the_project_does_not_have_are_counted(client):
    config = LABELS.replace('<Label value="ORG"/>', "")
    entities = task_of(client, "entities").predict(TEXTS)
    dropped = sum(entity.label == "ORG" for row in entities for entity in row)
    assert dropped > 0
    content = predict(client, "entities", config)
    assert content["unlisted"] == dropped
    setup = client.post("/label-studio/entities/setup", json={"project": "1", "schema": config}).json()
    assert setup["unlisted"] == ["ORG"]


def test_setup_health_versions_and_webhook_answer(client):
    body = {
        "project": "1.1",
        "schema": CHOICES,
        "hostname": "http://localhost",
        "access_token": "x",
        "extra_params": None,
    }
    version = client.post("/label-studio/binary/setup", json=body).json()["model_version"]
    assert version.startswith("binary-")
    assert client.get("/label-studio/binary/versions").json() == {"versions": [version]}
    assert client.get("/label-studio/binary/health").json() == {"status": "UP"}
    event = {"action": "ANNOTATION_CREATED", "annotation": {"deep": [[[[{}]]]]}}
    assert client.post("/label-studio/binary/webhook", json=event).status_code == 200
    assert client.post("/label-studio/binary/predict", json=body_of(CHOICES, [])).json()["results"] == []


def test_name_is_needed_where_there_are_several_models(client):
    assert client.get("/label-studio/health").status_code == 422
    assert client.get("/label-studio/other/health").status_code == 404


def test_version_changes_with_the_model(client):
    versions = {client.get(f"/label-studio/{name}/versions").json()["versions"][0] for name in ("binary", "pairs")}
    assert len({version.rpartition("-")[2] for version in versions}) == 2


@pytest.mark.parametrize(
    ("name", "config", "message"),
    [
        ("binary", LABELS, "has no <Choices> with <Choice>"),
        ("binary", CHOICES.replace("$body", "body"), 'value="body"; set it to $'),
        ("binary", CHOICES.replace('name="text"', 'name="other"'), "has no <Text> of the name 'text'"),
        ("binary", SETS, "no label of the model, such as 'false'"),
        ("pairs", PAIR.replace("Text name", "Header name", 1), "has no second <Text>"),
        ("embedder", CHOICES, "answers with vector"),
        ("binary", "", "is not XML"),
        ("binary", "<View>", "is not XML"),
        ("binary", "<View/>", "has no <Choices>"),
        ("regression", CHOICES, "has no <Number> for"),
        ("binary", "<" * 300_000, "over 262,144 characters"),
        ("binary", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><View>&b;</View>', "has a document type"),
    ],
)
def test_projects_that_do_not_suit_the_model_are_refused(client, name, config, message):
    for path, body in (("setup", {"schema": config}), ("predict", body_of(config))):
        response = client.post(f"/label-studio/{name}/{path}", json=body)
        assert response.status_code == 422
        assert message in response.json()["error"]["message"]


def test_tasks_without_the_text_are_refused(client):
    response = client.post("/label-studio/binary/predict", json=body_of(CHOICES.replace("$body", "$text")))
    assert response.status_code == 422
    assert response.json()["error"]["message"].startswith("tasks.0.data.text: no text")


def test_tokens_are_passwords_of_basic_authentication_for_label_studio_only(model_folders):
    right = f"Basic {base64.b64encode(b'any:' + TOKEN).decode()}"
    with serving({"entities": model_folders["entities"]}, tokens=(TOKEN,)) as guarded:
        assert guarded.get("/label-studio/health", headers={"Authorization": right}).status_code == 200
        assert guarded.post("/predict", json={"text": "a"}, headers={"Authorization": right}).status_code == 401
        for value in ("Basic ", "Basic !", f"Basic {base64.b64encode(TOKEN).decode()}", "Basic OmFiYw=="):
            assert guarded.get("/label-studio/health", headers={"Authorization": value}).status_code == 401
        # One model needs no name.
        headers = {"Authorization": right}
        assert guarded.post("/label-studio/predict", json=body_of(LABELS), headers=headers).status_code == 200


def test_tag_with_the_labels_of_the_model_is_chosen():
    config = LABELS.replace("</View>", "") + CHOICES.replace("<View>", "")
    assert list(project_tags(config, "entities", 1, ["ORG"]).control.labels) == ["PER", "ORG"]
    labels = project_tags(config, "label", 1, ["false"]).control.labels
    assert labels == {"false": "false", "true": "yes", "yes": "yes"}
    other = CHOICES.replace("</View>", '<Choices name="b" toName="text"><Choice value="x"/></Choices></View>')
    assert project_tags(other, "label", 1, ["x", "y"]).control.name == "b"


@pytest.mark.parametrize("piece", ["<a b", "<!--", "<a>", "<a b='", "&amp;", "<View/>", "</a>"])
def test_long_configurations_are_read_in_linear_time(piece):
    config = f"<View>{piece * (200_000 // len(piece))}"
    started = time.monotonic()
    with pytest.raises(ValueError, match="is not XML"):
        project_tags(config, "label", 1, ["x"])
    assert time.monotonic() - started < 2
