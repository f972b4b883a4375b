"""Predictions in int8, and the proof that they need."""

import numpy as np
import pytest

from tests.golden.texts import SHORT
from tests.helpers.commands import run, run_successfully
from tests.helpers.paths import GOLDEN
from tests.helpers.token_vectors import packed
from textgraft.backbones.presets import load_backbone
from textgraft.engines import int8
from textgraft.engines.engine import start_engine
from textgraft.engines.int8 import Quantization, quantize_kernel, smoothing_factors
from textgraft.engines.onnx_network import write_network
from textgraft.errors import ConfigError, DataError
from textgraft.model_folder.folder import read
from textgraft.model_folder.rewriting import store_proofs
from textgraft.processor import Processor
from textgraft.tasks import quantization
from textgraft.tasks.feature_extraction import TextEmbedder
from textgraft.tasks.loading import load
from textgraft.tasks.quantization import Agreement, prove_int8, stored_quantization
from textgraft.tasks.text_classification import TextClassifier

pytest.importorskip("onnxruntime")

TEXTS = [f"{word} film {number}" for number in range(60) for word in ("good", "bad")]
LABELS = ["good", "bad"] * 60


@pytest.fixture(scope="module")
def folder(tiny_bert, tmp_path_factory):
    model = TextClassifier(tiny_bert, ["bad", "good"], "float32")
    model.fit(TEXTS, LABELS, fine_tune="none", progress=False)
    return model.save(tmp_path_factory.mktemp("models") / "model")


def test_quantized_kernel_is_near_the_kernel():
    kernel = np.random.default_rng(0).normal(size=(32, 8)).astype(np.float32)
    kernel[:, 3] = 0
    for bits, largest in ((8, 127), (7, 63)):
        integers, scales = quantize_kernel(kernel, bits)
        assert np.abs(integers).max() == largest
        assert (np.abs(integers * scales - kernel) <= scales / 2 + 1e-7).all()


def test_smoothing_leaves_the_product_and_lowers_the_error_of_int8():
    generator = np.random.default_rng(0)
    gamma, beta = generator.uniform(0.5, 2, 64).astype(np.float32), np.zeros(64, np.float32)
    gamma[5] = 60
    vectors = generator.normal(size=(100, 64)).astype(np.float32) * gamma
    kernel = generator.normal(size=(64, 32)).astype(np.float32) / gamma[:, np.newaxis]
    factors = smoothing_factors(gamma, beta)
    smooth, scaled = vectors / factors, kernel * factors[:, np.newaxis]
    np.testing.assert_allclose(smooth @ scaled, vectors @ kernel, rtol=1e-3, atol=1e-3)

    def error(vectors, kernel):
        scale = np.abs(vectors).max() / 127
        integers, scales = quantize_kernel(kernel, 8)
        return np.abs(np.round(vectors / scale) * scale @ (integers * scales) - vectors @ kernel).mean()

    assert error(smooth, scaled) < error(vectors, kernel) / 2


@pytest.mark.parametrize("family", ["bert", "roberta", "distil_bert", "gpt2", "deberta_v3"])
def test_networks_in_int8_have_the_attention_of_float32(family):
    """With all products in float32; the network has another form than that in float32."""
    backbone = load_backbone(GOLDEN / family)
    rows = packed(backbone, SHORT)[:, : backbone.max_sequence_length]
    in_float32 = start_engine("onnx", backbone)
    expected, mask = in_float32.vectors(rows)
    vectors, _ = start_engine("onnx", backbone, Quantization(8, frozenset(in_float32.products))).vectors(rows)
    is_token = mask.numpy().astype(bool)
    assert not is_token.all()
    np.testing.assert_allclose(vectors.numpy()[is_token], expected.numpy()[is_token], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("machine", "features", "bits"),
    [
        ("x86_64", {"avx2"}, 7),
        ("x86_64", {"avx2", "avx512_vnni"}, 8),
        ("x86_64", {"avx_vnni"}, 8),
        ("aarch64", set(), 8),
    ],
)
def test_processors_whose_sums_overflow_get_smaller_weights(monkeypatch, machine, features, bits):
    monkeypatch.setattr(int8, "processor", lambda: Processor("any", machine, frozenset(features)))
    assert int8.weight_bits() == bits


def test_folder_without_a_proof_is_refused(folder):
    with pytest.raises(ConfigError, match=r"has no proof of int8 .*; run: textgraft quantize"):
        load(folder, "int8", "onnx")


def test_table_of_token_vectors_is_in_int8_where_that_was_proved():
    network = TextEmbedder(GOLDEN / "bert", "float32").backbone.network
    proof = {"processor": quantization.processor_kind(), "float32": []}
    in_int8 = write_network(network, stored_quantization([{**proof, "tables": True}], "MODEL")).weights
    table, scales = in_int8["token_embedding/table"], in_int8["token_embedding/scales"]
    assert table.dtype == np.int8
    expected = write_network(network, stored_quantization([proof], "MODEL")).weights["token_embedding/embeddings"]
    assert (np.abs(table * scales - expected) <= scales / 2 + 1e-7).all()


def test_vectors_are_smoothed_where_that_was_proved():
    proof = {"processor": quantization.processor_kind(), "float32": [], "tables": True}
    assert not stored_quantization([proof], "MODEL").smoothed
    network = TextEmbedder(GOLDEN / "bert", "float32").backbone.network
    for record in (proof, {**proof, "smoothed": True}):
        network_in_int8 = write_network(network, stored_quantization([record], "MODEL"))
        assert (b"/smoothing" in network_in_int8.model) == ("smoothed" in record)


def test_proof_in_the_folder_allows_int8(folder, tmp_path, monkeypatch):
    model = load(folder, engine="onnx")
    proof = model.quantize(TEXTS, LABELS)
    assert proof["agreement"] >= 0.99
    path = load(folder).save(tmp_path / "copy")
    before = read(path).config
    store_proofs(read(path), [proof])
    assert read(path).config == {**before, "int8": [proof]}
    quantized = load(path, "int8", "onnx")
    assert quantized.quantization.float32 == frozenset(proof["float32"])
    assert quantized.predict(TEXTS) == model.predict(TEXTS)
    difference = quantized.predict_proba(TEXTS) - load(folder, "float32").predict_proba(TEXTS)
    assert 0 < np.abs(difference).max() < 0.05
    monkeypatch.setattr(quantization, "processor_kind", lambda: "another")
    with pytest.raises(ConfigError, match="has no proof of int8 on this kind of processor"):
        load(path, "int8", "onnx")


def test_command_line_refuses_int8_until_quantize_proved_it(folder, tmp_path):
    path, data, answers = load(folder).save(tmp_path / "model"), tmp_path / "data.csv", tmp_path / "answers.csv"
    rows = [f"{text},{label}" for text, label in zip(TEXTS, LABELS, strict=True)]
    data.write_text("\n".join(["text,label", *rows]) + "\n")
    predict = ("predict", path, data, "--engine", "onnx", "--precision", "int8", "--out", answers)
    refused = run(*predict)
    assert refused.exit_code == ConfigError.exit_code
    assert not answers.exists()
    assert "of the answers as in float32" in run_successfully("quantize", path, data).stderr
    run_successfully(*predict)
    assert len(answers.read_text().splitlines()) == 1 + len(TEXTS)


def test_proof_is_saved_with_the_model_and_dropped_by_training(folder, tmp_path):
    model = load(folder, engine="onnx")
    model.quantize(TEXTS, LABELS)
    path = model.save(tmp_path / "quantized")
    assert load(path, "int8", "onnx").quantization is not None
    trained = load(path, "float32")
    trained.fit(TEXTS, LABELS, fine_tune="none", progress=False)
    assert "int8" not in trained.record


def test_products_that_change_vectors_most_stay_in_float32(tiny_bert):
    embedder = TextEmbedder(tiny_bert, engine="onnx")
    tokens = embedder.tokenize([np.array([text.encode() for text in TEXTS[:8]], object)])
    agreements = iter([0.9, 0.95, 0.995])
    proof = prove_int8(
        embedder, tokens.batch(np.arange(8)), lambda: Agreement(next(agreements), 0.0, "accuracy"), "texts", 120
    )
    assert len(proof["float32"]) == 2
    assert embedder.quantization.float32 == frozenset(proof["float32"])


def test_int8_that_loses_too_much_is_refused(tiny_bert):
    embedder = TextEmbedder(tiny_bert, engine="onnx")
    tokens = embedder.tokenize([np.array([text.encode() for text in TEXTS[:8]], object)])
    rows = tokens.batch(np.arange(8))
    with pytest.raises(ConfigError, match=r"0\.40 points of accuracy lost .*transformer_layer_0/.* loses most"):
        prove_int8(embedder, rows, lambda: Agreement(1.0, 0.004, "accuracy"), "texts", 120)
    assert embedder.quantization is None


def test_interrupted_proof_leaves_float32(tiny_bert):
    embedder = TextEmbedder(tiny_bert, engine="onnx")

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prove_int8(embedder, None, interrupt, "texts", 120)
    assert embedder.engine == "onnx"
    assert embedder.quantization is None


def test_embeddings_prove_themselves(tiny_bert):
    embedder = TextEmbedder(tiny_bert, "float32")
    expected = embedder.predict(TEXTS)
    proof = embedder.quantize(TEXTS)
    assert 0.99 <= proof["agreement"] <= 1
    assert proof["least"] <= proof["agreement"]
    assert 0 < np.abs(embedder.predict(TEXTS) - expected).max() < 0.5


def test_few_texts_and_models_without_labels_are_refused(tiny_bert, folder):
    with pytest.raises(DataError, match="has 2 texts; int8 is proved by at least 100"):
        load(folder).quantize(TEXTS[:2], LABELS[:2])
    regression = TextClassifier(tiny_bert, problem="regression")
    with pytest.raises(ConfigError, match="precision int8 is proved by labels"):
        regression.quantize(TEXTS, [1.0] * len(TEXTS))


def test_int8_needs_the_engine(folder):
    with pytest.raises(ConfigError, match="precision int8 needs engine onnx"):
        load(folder, "int8")
