"""LiteRT: equal answers at each length, builtin operations, and what is refused."""

import json

import numpy as np
import pytest

import textgraft as tg
from tests.golden.exported_models import MODELS, classifier, tagger
from tests.helpers.commands import run_successfully
from tests.helpers.exports import sharpen
from tests.helpers.paths import GOLDEN
from textgraft.data.golden_texts import NASTY, ORDINARY
from textgraft.data.seen_texts import TRAIN, SeenTexts
from textgraft.errors import ConfigError, DataError, TextgraftWarning
from textgraft.export.formats import litert
from textgraft.export.litert_proof import read_proof

NAMES = ("multi-label", "pairs", "regression", "mean", "embedder-max")
FAMILIES = ("albert", "bert_sentence_piece", "deberta_v3", "distil_bert", "gpt2", "opt", "roberta", "xlm_roberta")


@pytest.fixture
def interpreter_class():
    reason = "ai-edge-litert is not installed; install textgraft[litert]"
    return pytest.importorskip("ai_edge_litert.interpreter", reason=reason).Interpreter


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NAMES, *(f"texts-{family}" for family in FAMILIES)])
def test_exported_model_answers_as_the_model(interpreter_class, name, tmp_path):
    """The export itself compares the answers."""
    assert tg.export_model(MODELS[name](), tmp_path / "out", "litert").largest_difference < 1e-5
    assert tg.verify_export(tmp_path / "out").format == "litert"


def test_signatures_have_fixed_lengths_and_builtin_operations(interpreter_class, tmp_path):
    model = tg.TextClassifier(GOLDEN / "bert", ["a", "b"], precision="float32", sequence_length=40)
    tg.export_model(model, tmp_path / "out", "litert")
    interpreter = interpreter_class(model_path=str(tmp_path / "out" / litert.NETWORK))
    signatures = interpreter.get_signature_list()
    assert {name: sorted(signature["inputs"]) for name, signature in signatures.items()} == {
        "length_32": ["attention_mask", "input_ids", "token_type_ids"],
        "length_40": ["attention_mask", "input_ids", "token_type_ids"],
    }
    operations = {detail["op_name"] for detail in interpreter._get_ops_details()}
    assert operations
    assert [name for name in operations if name.startswith("Flex") or name == "CUSTOM"] == []
    weights = sum(np.prod(weight.shape) for weight in model.weights.values())
    assert (tmp_path / "out" / litert.NETWORK).stat().st_size < 4 * 2 * weights  # signatures share the weights
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["id2label"] == {"0": "a", "1": "b"}


def test_what_litert_does_not_express_is_refused(interpreter_class, tmp_path):
    with pytest.raises(ConfigError, match="models for token-classification are not exported to litert"):
        tg.export_model(tagger("bert"), tmp_path / "out", "litert")
    with pytest.raises(ConfigError, match="no truncation windows"):
        tg.export_model(classifier("bert", truncation="windows"), tmp_path / "out", "litert")
    assert list(tmp_path.iterdir()) == []


def test_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(litert, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"litert needs the package ai-edge-litert; install textgraft\[litert\]"):
        tg.export_model(classifier("bert"), tmp_path / "out", "litert")


@pytest.fixture(scope="module")
def confident():
    """A classifier whose probabilities are near 0 and 1 for most texts."""
    model = sharpen(classifier("bert", labels=["a", "b"]))
    model.objective.temperature = 0.02
    return model


def proof_file(model, folder, count=120):
    """A file of texts with the labels that a model gives them."""
    texts = [f"{text} {number}" for number in range(count // 10) for text in (*ORDINARY, *NASTY[3:5])]
    rows = [{"text": text, "label": label} for text, label in zip(texts, model.predict(texts), strict=True)]
    (folder / "held-out.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return folder / "held-out.jsonl"


def test_int8_is_written_where_texts_prove_it(interpreter_class, confident, tmp_path, monkeypatch):
    proof = proof_file(confident, tmp_path)
    verification = tg.export_model(confident, tmp_path / "out", "litert", int8=True, proof=proof)
    assert (verification.proof["data"], verification.proof["texts"]) == (str(proof), 120)
    assert verification.proof["agreement"] >= 0.99
    monkeypatch.setattr(confident.objective, "temperature", 1.0)  # a low one multiplies rounding errors of float32
    tg.export_model(confident, tmp_path / "float32", "litert")
    network, other = (tmp_path / name / litert.NETWORK for name in ("out", "float32"))
    assert network.stat().st_size < 0.5 * other.stat().st_size
    operations = {item["op_name"] for item in interpreter_class(model_path=str(network))._get_ops_details()}
    assert [name for name in operations if name.startswith("Flex") or name == "CUSTOM"] == []
    result = run_successfully("verify", tmp_path / "out")
    assert "of the answers as in float32" in result.stderr
    assert "are those of the network in int8" in result.stderr


def test_int8_that_changes_answers_is_refused(interpreter_class, confident, tmp_path):
    proof = proof_file(confident, tmp_path)
    texts = [json.loads(line)["text"] for line in proof.open()]
    bias = confident.head.layers[-1].bias
    old = bias.numpy()
    bias.assign(old - np.median(confident.reference_outputs(texts)))
    try:
        with pytest.raises(ConfigError, match="int8 does not suffice: agreement 0"):
            tg.export_model(confident, tmp_path / "out", "litert", int8=True, proof=proof)
    finally:
        bias.assign(old)
    assert list(tmp_path.iterdir()) == [proof]


def test_texts_of_the_training_do_not_prove_int8(confident, tmp_path, monkeypatch):
    rows = [json.loads(line) for line in proof_file(confident, tmp_path, 110).open()]
    data = tg.Dataset.from_lists([row["text"] for row in rows], [row["label"] for row in rows])
    monkeypatch.setattr(confident, "seen", SeenTexts.of({TRAIN: data.take(range(20)).digests()}, "salt"))
    with pytest.warns(TextgraftWarning, match="20"), pytest.raises(DataError, match="has 90 texts; int8 is proved by"):
        read_proof(confident, str(tmp_path / "held-out.jsonl"))


@pytest.mark.slow
def test_int8_of_an_embedder_is_proved_by_similarity(interpreter_class, confident, tmp_path):
    proof = proof_file(confident, tmp_path)
    verification = tg.export_model(MODELS["embedder-max"](), tmp_path / "out", "litert", int8=True, proof=proof)
    assert verification.proof["metric"] == "cosine similarity"
    assert 0 < verification.proof["least"] <= verification.proof["agreement"] < 1
    assert tg.verify_export(tmp_path / "out").proof == verification.proof


def test_int8_needs_texts_with_labels(interpreter_class, confident, tmp_path):
    few = proof_file(confident, tmp_path, 20)
    with pytest.raises(ConfigError, match="litert needs both --int8 and --proof FILE"):
        tg.export_model(confident, tmp_path / "out", "litert", int8=True)
    with pytest.raises(ConfigError, match="litert needs both --int8 and --proof FILE"):
        tg.export_model(confident, tmp_path / "out", "litert", proof=few)
    with pytest.raises(ConfigError, match="format onnx has no option --proof; drop it"):
        tg.export_model(confident, tmp_path / "out", "onnx", int8=True, proof=few)
    with pytest.raises(DataError, match="has 20 texts; int8 is proved by at least 100"):
        tg.export_model(confident, tmp_path / "out", "litert", int8=True, proof=few)
    with pytest.raises(DataError, match=r"missing\.csv"):
        tg.export_model(confident, tmp_path / "out", "litert", int8=True, proof=tmp_path / "missing.csv")
    with pytest.raises(ConfigError, match="a model for numbers lacks"):
        tg.export_model(MODELS["regression"](), tmp_path / "out", "litert", int8=True, proof=few)
    assert list(tmp_path.iterdir()) == [few]
