"""Exports of classifiers that reject texts unlike those of the training."""

import numpy as np
import pytest

import textgraft as tg
from tests.helpers.exports import TEXTS, add_ngrams, classifier, reject_distant, sharpen, texts_of
from textgraft.engines.int8 import processor_kind
from textgraft.export.network_alone import REJECTION

pytest.importorskip("onnxruntime")

import onnxruntime

from textgraft.export.formats.onnx import NETWORK
from textgraft.export.formats.wheel import WheelFormat
from textgraft.export.wheel_runtime.model import Model

WHEEL = {"name": "rejecting", "version": "1.0"}


@pytest.fixture(scope="module")
def model(tiny_bert):
    return reject_distant(classifier(tiny_bert, "hidden"))


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rejection") / "model"
    verification = tg.export_model(model, folder, "onnx")
    assert verification.needs == ("reject_above in inference.json",)
    assert verification.left_out == ()
    return folder


def assert_equal_answers(answers, expected):
    assert answers.keys() == expected.keys()
    for name, values in expected.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(answers[name], values, atol=1e-5)
        else:
            np.testing.assert_array_equal(answers[name], values)


def test_runtime_rejects_as_the_model(model, folder):
    runtime, labels = Model(folder, NETWORK), model.predict(TEXTS)
    assert 5 < labels.count(None) < len(TEXTS) - 5
    assert runtime.predict(TEXTS) == labels
    assert [record["unknown"] for record in runtime.records(TEXTS)] == [label is None for label in labels]
    assert runtime.predict([]) == []
    np.testing.assert_allclose(runtime.predict_proba(TEXTS), model.predict_proba(TEXTS), atol=1e-6)


def test_other_programs_compute_the_distance_by_the_second_network(model, folder):
    tokenizers = pytest.importorskip("tokenizers")
    row = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")).encode("a great film")
    feed = {"input_ids": row.ids, "attention_mask": row.attention_mask, "token_type_ids": row.type_ids}
    session = onnxruntime.InferenceSession(str(folder / "onnx/model.onnx"))
    (vectors,) = session.run(["vector"], {item.name: np.array([feed[item.name]]) for item in session.get_inputs()})
    (distance,) = onnxruntime.InferenceSession(str(folder / "distance.onnx")).run(["distance"], {"vector": vectors})
    np.testing.assert_allclose(distance[:, 0], model.reference_outputs(["a great film"])[:, -1], rtol=1e-4)


def test_damaged_distance_is_named(folder, tmp_path):
    for name in ("inference.json", "tokenizer.json", "onnx/model.onnx"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(folder / name)
    for content in (b"", (folder / "onnx/model.onnx").read_bytes()):
        (tmp_path / "distance.onnx").write_bytes(content)
        with pytest.raises(ValueError, match=r"distance.onnx is damaged: "):
            Model(tmp_path, NETWORK)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["wheel", "savedmodel"])
def test_windows_ngrams_and_thresholds_are_exported_together(tiny_bert, tmp_path, to):
    options = {"precision": "float32", "sequence_length": 16, "truncation": "windows"}
    model = reject_distant(add_ngrams(sharpen(tg.TextClassifier(tiny_bert, [False, True], **options))))
    model.objective.abstain_below, model.objective.set_threshold = 0.55, 0.3
    verification = tg.export_model(model, tmp_path / "out", to, **(WHEEL if to == "wheel" else {}))
    assert verification.left_out == ()
    expected = model.reference_answers(TEXTS)
    assert 0 < expected["unknown"].sum() < expected["abstained"].sum() < len(TEXTS)
    if to == "wheel":
        assert_equal_answers(WheelFormat().open(tmp_path / "out")(TEXTS), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("to", "kind"), [("wheel", "pairs"), ("wheel", "head+tail"), ("savedmodel", "pairs"), ("onnx", "binary")]
)
def test_each_kind_of_classifier_rejects_alike(tiny_bert, tmp_path, to, kind):
    model = reject_distant(classifier(tiny_bert, kind))
    assert tg.export_model(model, tmp_path / "out", to, **(WHEEL if to == "wheel" else {})).left_out == ()
    assert model.reference_answers(texts_of(model))["unknown"].any()
    assert tg.verify_export(tmp_path / "out").texts > 20


@pytest.mark.slow
def test_int8_rejects_by_its_own_vectors(model, tmp_path, monkeypatch):
    monkeypatch.setitem(model.record, "int8", [{"processor": processor_kind(), "float32": [], "tables": True}])
    tg.export_model(model, tmp_path / "out", "wheel", int8=True, **WHEEL)
    assert tg.verify_export(tmp_path / "out").left_out == ()


@pytest.mark.slow
@pytest.mark.parametrize("to", ["huggingface", "litert"])
def test_other_formats_say_that_they_do_not_reject(tiny_bert, tmp_path, to):
    if to == "litert":
        pytest.importorskip("ai_edge_litert")
    model = reject_distant(classifier(tiny_bert, "binary"))
    limit, model.objective.abstain_below = model.objective.reject_above, 0.5
    verification = tg.export_model(model, tmp_path / "out", to)
    assert verification.left_out == (REJECTION,)
    assert "abstain_below in config.json" in verification.needs
    assert "reject_above" not in (tmp_path / "out" / "config.json").read_text()
    assert (model.novelty is not None, model.objective.reject_above) == (True, limit)
