"""LiteRT: equal answers at each length, builtin operations, and what is refused."""

import json

import numpy as np
import pytest

import textgraft as tg
from tests.golden.exported_models import MODELS, classifier, tagger
from tests.helpers.paths import GOLDEN
from textgraft.errors import ConfigError
from textgraft.export.formats import litert

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
