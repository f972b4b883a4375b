"""Networks that predict the next token: one contract, whatever KerasHub class is behind it."""

import json
from pathlib import Path

import keras_hub
import numpy as np
import pytest
import tensorflow as tf

from tests.golden.texts import SHORT
from textgraft.backbones.family import families
from textgraft.backbones.language_model import LanguageModel
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ConfigError
from textgraft.tokenizers.byte_pair_ops import BYTE_SYMBOLS, symbol_bytes
from tokenizers import Tokenizer

GOLDEN = Path(__file__).parents[1] / "golden"

_SIZES = {"vocabulary_size": 50, "num_layers": 2, "hidden_dim": 16, "intermediate_dim": 24}
_HEADS, _GROUPS = {"num_heads": 2}, {"num_query_heads": 2, "num_key_value_heads": 1}
NETWORKS = {
    "GPT2": {**_SIZES, **_HEADS, "max_sequence_length": 32},
    "OPT": {**_SIZES, **_HEADS, "max_sequence_length": 32},
    "GPTNeoX": {**_SIZES, **_HEADS, "max_sequence_length": 32},
    "Bloom": {**_SIZES, **_HEADS, "max_sequence_length": 32},
    "Llama": {**_SIZES, **_GROUPS},
    "Mistral": {**_SIZES, **_GROUPS},
    "Qwen": {**_SIZES, **_GROUPS},
    "Phi3": {**_SIZES, **_GROUPS},
    "Gemma": {**_SIZES, **_GROUPS, "head_dim": 8},
}


# The families of presets, and one with grouped heads; the others under `slow`.
_MARKS = {name: [pytest.mark.slow] for name in NETWORKS if name not in ("GPT2", "OPT", "Llama")}
# KerasHub turns all keys of a cache by the position of the step.
_MARKS["GPTNeoX"].append(pytest.mark.xfail(strict=True))


@pytest.mark.parametrize("name", [pytest.param(name, marks=_MARKS.get(name, ())) for name in NETWORKS])
def test_cached_steps_give_the_logits_of_the_network(name):
    network = getattr(keras_hub.models, f"{name}Backbone")(**NETWORKS[name])
    causal = getattr(keras_hub.models, f"{name}CausalLM")(backbone=network, preprocessor=None)
    model = LanguageModel(causal, lambda _: b"", end_of_text=0)
    ids = np.random.default_rng(0).integers(1, 50, (3, 7), np.int32)
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    vectors, expected = network(inputs).numpy(), causal(inputs).numpy()
    np.testing.assert_allclose(model.logits(tf.constant(vectors)), expected, rtol=1e-4, atol=1e-4)
    cache = model.cache(3)
    for start, end in ((0, 4), (4, 5), (5, 7)):
        logits, hidden = cache.append(ids[:, start:end])
        np.testing.assert_allclose(logits, expected[:, end - 1], rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(hidden, vectors[:, start:end], rtol=1e-3, atol=1e-4)
    cache.select(np.array([2, 0]))
    logits, _ = cache.append(np.array([[5], [6]]))
    ids = np.concatenate([ids[[2, 0]], [[5], [6]]], axis=1)
    expected = causal({"token_ids": ids, "padding_mask": np.ones_like(ids)}).numpy()
    np.testing.assert_allclose(logits, expected[:, -1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", sorted(families()))
def test_encoder_family_is_refused_in_one_line(name, request):
    preset = request.getfixturevalue(f"tiny_{name}")
    backbone = load_backbone(preset)
    if backbone.is_causal:
        assert backbone.language_model.vocabulary_size == backbone.token_embedding.layer.input_dim
        return
    with pytest.raises(ConfigError, match=r"does not predict the next token; choose a preset of .*gpt2.*opt") as error:
        _ = backbone.language_model
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("family", ["gpt2", "opt"])
def test_token_bytes_join_to_the_text(family):
    backbone, reference = load_backbone(GOLDEN / family), Tokenizer.from_file(str(GOLDEN / family / "tokenizer.json"))
    model = backbone.language_model
    texts = [text for text in SHORT if not any(token in text for token in backbone._family.special.all)]
    rows = backbone.tokenize(tf.constant([text.encode() for text in texts], tf.string)).to_list()
    for text, row in zip(texts, rows, strict=True):
        assert b"".join(map(model.token_bytes, row)) == text.encode()
    for row in np.random.default_rng(0).integers(0, model.vocabulary_size, (500, 12)):
        spelled_row = b"".join(map(model.token_bytes, row.tolist()))
        assert spelled_row.decode(errors="replace") == reference.decode(row.tolist(), skip_special_tokens=True)


def test_every_byte_has_a_token():
    assert b"".join(map(symbol_bytes, BYTE_SYMBOLS)) == bytes(range(256))
    vocabulary = json.loads((GOLDEN / "gpt2" / "tokenizer.json").read_text())["model"]["vocab"]
    assert {symbol_bytes(symbol) for symbol in vocabulary if len(symbol) == 1} == {bytes([byte]) for byte in range(256)}


def test_bytes_of_an_unreachable_token():
    assert symbol_bytes("<漢>") == "<漢>".encode()
