"""The token table in predictions: rows are cast after the lookup."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.paths import GOLDEN
from textgraft.backbones.layers import fused_layers
from textgraft.backbones.presets import load_backbone
from textgraft.text.packing import pad_rows

ROWS = tf.ragged.constant([[2, 5, 6, 3], [2, 7, 3]], dtype=tf.int32)


@pytest.fixture(scope="module", params=["bert", "albert", "gpt2"])
def backbone(request):
    return load_backbone(GOLDEN / request.param, "mixed_bfloat16")


def test_table_is_not_cast_in_each_call(backbone):
    function = tf.function(backbone.vectors).get_concrete_function(tf.RaggedTensorSpec([None, None], tf.int32))
    casts = [operation.outputs[0].shape for operation in function.graph.get_operations() if operation.type == "Cast"]
    assert casts
    assert tuple(backbone.token_embedding.vectors.shape) not in [tuple(shape) for shape in casts if shape.rank == 2]


def test_vectors_are_those_of_a_table_that_is_cast(backbone):
    row = pad_rows(ROWS, backbone.special_tokens.pad)
    with fused_layers(backbone.network):
        expected = backbone.network({name: row[name] for name in backbone.network.input}, training=False)
    np.testing.assert_array_equal(backbone.vectors(ROWS)[0].numpy(), expected.numpy())
