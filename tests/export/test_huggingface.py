"""Hugging Face folders: equal answers in transformers, and what cannot be expressed."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.special import erf
from tools.compare_exported_models import TORCH, difference, transformers_outputs

import textgraft as tg
from tests.golden.exported_models import MODELS, classifier
from tests.helpers.paths import GOLDEN
from textgraft.backbones.formats.hugging_face_weights import TextHead, write_weights
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError, ExportError
from textgraft.export.hugging_face_heads import write_text_head
from textgraft.text.cleaning import Cleaning

FAST = ("binary-gpt2",)
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name not in FAST)) for name in MODELS]


@pytest.mark.parametrize("name", NAMES)
def test_folder_that_is_read_back_answers_as_the_model(name, tmp_path, recwarn):
    """The export itself compares the answers."""
    assert tg.export_model(MODELS[name](), tmp_path / "out", "huggingface").largest_difference < 1e-5
    recwarn.clear()
    assert tg.verify_export(tmp_path / "out").format == "huggingface"
    assert [warning for warning in recwarn if "untrained" in str(warning.message)] == []


@pytest.mark.slow
def test_transformers_opens_the_folders(tmp_path):
    if not TORCH.exists():
        pytest.skip("transformers is in the environment of `make bench-torch`, which is not installed")
    for name, values in transformers_outputs(list(MODELS), tmp_path).items():
        if name in MODELS:
            assert difference(name, values) < 1e-5


@pytest.mark.parametrize("family", ["roberta", "gpt2", "deberta_v3", "opt"])
def test_written_weights_are_read_again(family):
    backbone = load_backbone(GOLDEN / family)
    weights_format = backbone._family.hugging_face_format
    tensors = write_weights(backbone.network.weights, weights_format.modules)
    for name, stored in load_file(GOLDEN / family / "model.safetensors").items():
        if name in tensors and not ("position_embeddings" in name or "token_type" in name):
            np.testing.assert_array_equal(tensors[name], stored.astype(np.float32), err_msg=name)
    assert len(tensors) > 20


@pytest.mark.parametrize("spec", [
    TextHead("logits", dense="dense", activation="tanh"),
    TextHead("logits", dense="dense", activation="relu"),
    TextHead("logits", dense="dense", activation="gelu"),
    TextHead("logits", dense="dense", activation_key="act"),
])  # fmt: skip
def test_two_layers_compute_one_layer_of_logits(spec):
    random = np.random.default_rng(0)
    kernel, bias, vectors = random.normal(size=(16, 3)), random.normal(size=3), random.normal(size=(9, 16))
    factors, offsets = np.eye(3) * 7, np.arange(3.0)
    head = write_text_head([(kernel, bias)], (factors, offsets), spec, 16)
    hidden = vectors @ head.tensors["dense.weight"].T.astype(float) + head.tensors["dense.bias"]
    activation = {
        "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0), "gelu": lambda x: x * (1 + erf(x / 2**0.5)) / 2
    }.get(spec.activation, lambda x: x)  # fmt: skip
    logits = activation(hidden) @ head.tensors["logits.weight"].T.astype(float) + head.tensors["logits.bias"]
    np.testing.assert_allclose(logits, (vectors @ kernel + bias) @ factors + offsets, rtol=1e-5, atol=1e-4)


def test_folder_has_what_hubs_and_programs_read(tmp_path):
    tg.export_model(classifier("bert"), tmp_path / "out", "huggingface")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "good", "2": "so so"}
    assert config["architectures"] == ["BertForSequenceClassification"]
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\npipeline_tag: text-classification\n")
    assert 'pipeline("text-classification", model="this folder")' in card


def change_weight(folder):
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 64
    file.write_bytes(content)


@pytest.mark.slow
def test_altered_folder_is_refused(tmp_path):
    tg.export_model(classifier("bert"), tmp_path / "out", "huggingface")
    change_weight(tmp_path / "out")
    with pytest.raises(ExportError, match=r"model.safetensors has been altered"):
        tg.verify_export(tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": True, "pooling": "mean"}, "pairs with mean pooling; use savedmodel, or train with --pooling cls"),
        ({"truncation": "head+tail"}, r"no truncation head\+tail; use savedmodel"),
        ({"cleaning": Cleaning(strip_html=True)}, r"do not clean texts \(--strip-html\)"),
        ({"hidden": (8,)}, "a head with hidden layers"),
    ],
)
def test_model_without_an_equal_form_is_refused(options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        tg.export_model(classifier("bert", **options), tmp_path / "out", "huggingface")
    assert list(tmp_path.iterdir()) == []
