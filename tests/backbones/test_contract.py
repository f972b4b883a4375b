"""What every backbone family keeps to. A family needs a fixture `tiny_<name>`: the path of a small preset of it."""

import json

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.nasty_texts import NASTY
from textgraft import registry
from textgraft.backbones.base import Backbone
from textgraft.backbones.family import families
from textgraft.backbones.presets import load_backbone
from textgraft.tasks.feature_extraction import TextEmbedder

TEXTS = [text for text in NASTY if len(text) < 1000]
FEW = TEXTS[::10]  # without a graph, some tokenizers take a tenth of a second for a text


@pytest.fixture(scope="module", params=registry.names("backbones.families"))
def preset(request):
    return request.getfixturevalue(f"tiny_{request.param}")


@pytest.fixture(scope="module")
def backbone(preset):
    return load_backbone(preset)


def test_exactly_one_family_reads_a_preset(preset, backbone):
    assert [name for name, family in families().items() if family.reads(preset)] == [backbone.family]


def test_defaults_are_valid(backbone):
    assert backbone.default_pooling in backbone.poolings
    assert backbone.training_defaults.epochs >= 1
    assert backbone.origin.sha256


def test_tokenize_runs_in_a_graph(backbone):
    graph = tf.function(backbone.tokenize, input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
    ids = graph(tf.constant([text.encode() for text in TEXTS]))
    assert isinstance(ids, tf.RaggedTensor)
    assert ids.dtype == tf.int32
    assert ids.nrows() == len(TEXTS)
    assert all(isinstance(backbone.token(int(token)), str) for token in ids.flat_values[:50])
    assert ids.to_list()[::8] == [graph(tf.constant([text.encode()])).to_list()[0] for text in TEXTS[::8]]


def test_backbone_rebuilt_from_config_and_assets_is_equal(backbone, tmp_path):
    for name, content in backbone.assets().items():
        (tmp_path / name).write_bytes(content)
    config = json.loads(json.dumps(backbone.config()))
    family = families()[backbone.family]
    rebuilt = family.backbone_class.from_config(family, config, tmp_path, backbone.origin, "float32")
    texts = tf.constant([text.encode() for text in FEW])
    assert rebuilt.tokenize(texts).to_list() == backbone.tokenize(texts).to_list()
    shapes = [[(weight.path, tuple(weight.shape)) for weight in one.network.weights] for one in (backbone, rebuilt)]
    assert shapes[0] == shapes[1]
    assert rebuilt.assets() == backbone.assets()
    assert rebuilt.config() == backbone.config()


def test_network_returns_one_vector_per_token(backbone):
    rows = {name: np.ones((2, 3), np.int32) for name in backbone.network.input}
    assert backbone.network(rows).shape == (2, 3, backbone.dim)


# Each default pooling once: test_golden.py tests the hidden states of every family.
_POOLED = ("bert", "gpt2", "word_vectors")


@pytest.mark.parametrize(
    "preset",
    [
        pytest.param(name, marks=[] if name in _POOLED else pytest.mark.slow)
        for name in registry.names("backbones.families")
    ],
    indirect=True,
    scope="module",
)
def test_padding_and_other_rows_do_not_change_pooled_vectors(backbone):
    _assert_independent_rows(backbone, backbone.default_pooling)


@pytest.mark.slow
def test_padding_and_other_rows_do_not_change_vectors_of_other_poolings(backbone):
    for pooling in set(backbone.poolings) - {backbone.default_pooling}:
        _assert_independent_rows(backbone, pooling)


def _assert_independent_rows(backbone, pooling):
    texts = ["the film", "a dull plot " * 12, ""]
    embedder = TextEmbedder(backbone, precision="float32", pooling=pooling, sequence_length=20)
    alone = np.concatenate([embedder.predict([text]) for text in texts])
    np.testing.assert_allclose(embedder.predict(texts), alone, atol=1e-5)


def test_family_has_the_name_of_its_file(backbone):
    assert families()[backbone.family].name == backbone.family
    assert isinstance(backbone, Backbone)
