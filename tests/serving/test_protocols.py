"""Protocols of other servers, with the arrays of an exported SavedModel."""

import base64

import numpy as np
import pytest
from fastapi import APIRouter

import textgraft as tg
from textgraft import registry
from textgraft.serving.protocol import PROTOCOLS, ServingProtocol
from textgraft.serving.routes import StrictRoute

TEXTS = ["a great film", "bad", "Ada met Charles in London."]


def answer(client, path, content):
    response = client.post(path, json=content)
    assert response.status_code == 200, response.text
    return response.json()


def arrays_of(folder, texts):
    return tg.load(folder, "float32").reference_answers(texts)


def assert_arrays(values, arrays):
    assert values.keys() == arrays.keys()
    for name, array in arrays.items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(values[name], array, rtol=1e-6, atol=1e-6)
        else:
            assert values[name] == array.tolist()


@pytest.mark.parametrize("name", registry.names(PROTOCOLS))
def test_each_protocol_has_routes(client, name):
    router = APIRouter(route_class=StrictRoute)
    registry.implementation(PROTOCOLS, name, ServingProtocol)(client.service).add_routes(router)
    assert router.routes


@pytest.mark.parametrize("kind", ["binary", "multi-label", "regression", "entities", "embedder"])
def test_tensorflow_serving_answers_in_rows_and_columns(client, model_folders, kind):
    arrays = arrays_of(model_folders[kind], TEXTS)
    columns = answer(client, f"/v1/models/{kind}:predict", {"inputs": TEXTS})["outputs"]
    columns = columns if isinstance(columns, dict) else {next(iter(arrays)): columns}
    assert_arrays(columns, arrays)
    rows = answer(client, f"/v1/models/{kind}:predict", {"instances": TEXTS})["predictions"]
    if len(arrays) > 1:
        assert_arrays({name: [row[name] for row in rows] for name in arrays}, arrays)
    else:
        assert rows == columns[next(iter(arrays))]


def test_tensorflow_serving_takes_named_inputs_base64_and_pairs(client, model_folders):
    expected = answer(client, "/v1/models/binary:predict", {"instances": TEXTS})
    encoded = [{"b64": base64.b64encode(text.encode()).decode()} for text in TEXTS]
    for instances in (encoded, [{"text": text} for text in TEXTS], [{"text": text} for text in encoded]):
        assert answer(client, "/v1/models/binary:predict", {"instances": instances}) == expected
    pairs = [(text, text[::-1]) for text in TEXTS]
    arrays = arrays_of(model_folders["pairs"], pairs)
    columns = {"text": TEXTS, "text_pair": [text[::-1] for text in TEXTS]}
    assert_arrays(answer(client, "/v1/models/pairs:predict", {"inputs": columns})["outputs"], arrays)
    rows = [{"text": first, "text_pair": second} for first, second in pairs]
    named = answer(client, "/v1/models/pairs:predict", {"instances": rows, "signature_name": "serving_default"})
    assert_arrays({name: [row[name] for row in named["predictions"]] for name in arrays}, arrays)


def test_tensorflow_serving_reports_the_state_of_a_model(client):
    (version,) = client.get("/v1/models/binary").json()["model_version_status"]
    assert (version["state"], version["status"]["error_code"]) == ("AVAILABLE", "OK")
    assert client.get("/v1/models/other").status_code == 404


@pytest.mark.parametrize("kind", ["binary", "multi-label", "regression", "entities", "embedder", "pairs"])
def test_open_inference_tensors_have_the_shapes_of_the_metadata(client, model_folders, kind):
    metadata = client.get(f"/v2/models/{kind}").json()
    texts = {"text": TEXTS, "text_pair": [text[::-1] for text in TEXTS]}
    inputs = [
        {"name": tensor["name"], "shape": [3], "datatype": tensor["datatype"], "data": texts[tensor["name"]]}
        for tensor in metadata["inputs"]
    ]
    response = answer(client, f"/v2/models/{kind}/infer", {"id": "7", "inputs": inputs})
    assert (response["model_name"], response["id"]) == (kind, "7")
    columns = {}
    for tensor, described in zip(response["outputs"], metadata["outputs"], strict=True):
        assert (tensor["name"], tensor["datatype"]) == (described["name"], described["datatype"])
        assert len(tensor["shape"]) == len(described["shape"])
        for size, stated in zip(tensor["shape"][1:], described["shape"][1:], strict=True):
            assert stated in (-1, size)
        columns[tensor["name"]] = np.array(tensor["data"], object).reshape(tensor["shape"]).tolist()
    given = [*zip(*(texts[tensor["name"]] for tensor in inputs), strict=True)]
    rows = given if kind == "pairs" else TEXTS
    assert_arrays(columns, arrays_of(model_folders[kind], rows))


def test_open_inference_selects_outputs_and_takes_columns(client):
    data = [[text] for text in TEXTS]
    inputs = [{"name": "text", "shape": [3, 1], "datatype": "BYTES", "data": data}]
    content = {"inputs": inputs, "outputs": [{"name": "score"}]}
    (output,) = answer(client, "/v2/models/binary/infer", content)["outputs"]
    assert (output["name"], output["shape"], output["datatype"]) == ("score", [3], "FP32")


def test_open_inference_health(client):
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    assert client.get("/v2/models/binary/ready").json() == {"name": "binary", "ready": True}
    assert client.get("/v2").json()["name"] == "textgraft"


@pytest.mark.parametrize(
    ("change", "phrase"),
    [
        ({"shape": [2]}, "the shape is [2], and the data has 3 texts"),
        ({"datatype": "FP32"}, "datatype"),
        ({"name": "other"}, "name"),
        ({"parameters": {"binary_data_size": 3}}, "binary_data_size: unknown key"),
    ],
)
def test_open_inference_refuses_other_tensors(client, change, phrase):
    tensor = {"name": "text", "shape": [3], "datatype": "BYTES", "data": TEXTS, **change}
    response = client.post("/v2/models/binary/infer", json={"inputs": [tensor]})
    assert response.status_code == 422
    assert phrase in response.json()["error"]["message"]


def test_openai_embeddings_as_numbers_and_base64(client, model_folders):
    model = tg.load(model_folders["embedder"], "float32")
    expected = model.predict(TEXTS)
    response = answer(client, "/v1/embeddings", {"model": "embedder", "input": TEXTS, "dimensions": model.dim})
    assert [item["index"] for item in response["data"]] == [0, 1, 2]
    np.testing.assert_allclose([item["embedding"] for item in response["data"]], expected, atol=1e-6)
    tokens = sum(len(model.tokenize([np.array([text.encode()], object)]).ids) for text in TEXTS)
    assert response["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    encoded = answer(client, "/v1/embeddings", {"model": "embedder", "input": TEXTS, "encoding_format": "base64"})
    vectors = [np.frombuffer(base64.b64decode(item["embedding"]), "<f4") for item in encoded["data"]]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert [item["id"] for item in client.get("/v1/models").json()["data"]] == [*client.service.models.sources]


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        ({"model": "binary", "input": "a"}, "a model for text-classification"),
        ({"model": "embedder", "input": "a", "dimensions": 3}, "the vectors of embedder have"),
        ({"model": "embedder", "input": [1, 2, 3]}, "input"),
    ],
)
def test_openai_refuses_what_no_embedder_does(client, content, phrase):
    response = client.post("/v1/embeddings", json=content)
    assert response.status_code == 422
    assert phrase in response.json()["error"]["message"]
