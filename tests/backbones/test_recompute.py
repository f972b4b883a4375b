"""Gradients through blocks whose activations are computed again, compared with those of a plain tape."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.families import TRANSFORMERS
from tests.helpers.paths import GOLDEN
from textgraft.backbones.fast_dropout import fast_dropout
from textgraft.backbones.presets import load_backbone
from textgraft.backbones.recompute import recomputing_tape

ROWS = tf.ragged.constant([[5, 6, 7, 8, 9, 10], [9, 4, 7], [8]], dtype=tf.int32)


def loss_and_gradients(backbone, blocks, longest=10):
    """Loss, gradients by variable, and random states after a step with dropout; the states are put back."""
    network, variables = backbone.network, backbone.network.trainable_variables
    states = [(weight, weight.numpy()) for weight in network.non_trainable_variables]

    def step(rows):
        with fast_dropout(network, longest), recomputing_tape(blocks) as tape:
            vectors, mask = backbone.vectors(rows, training=True)
            some = tf.boolean_mask(tf.cast(vectors, tf.float32), mask)
            loss = tf.reduce_mean(some * tf.cos(tf.range(tf.size(some), dtype=tf.float32))[: tf.shape(some)[0], None])
        gradients = tape.gradient(loss, [variable.value for variable in variables])
        return loss, [tf.zeros([]) if gradient is None else tf.convert_to_tensor(gradient) for gradient in gradients]

    spec = tf.RaggedTensorSpec([None, None], tf.int32, 1)
    loss, gradients = tf.function(step, input_signature=[spec], autograph=False)(ROWS)
    drawn = [weight.numpy() for weight, _ in states]
    for weight, value in states:
        weight.assign(value)
    names = [variable.path for variable in variables]
    return loss.numpy(), dict(zip(names, map(np.asarray, gradients), strict=True)), drawn


def test_without_blocks_a_custom_gradient_is_the_only_one():
    """A persistent tape would also compute gradients of the results inside a compiled function, from zeros."""
    variable = tf.Variable(tf.ones([3]))

    @tf.custom_gradient
    def sine(x):
        return tf.sin(tf.square(x)), lambda upstream: 2 * upstream

    compiled = tf.function(sine, input_signature=[tf.TensorSpec([None])], autograph=False)

    def step():
        with recomputing_tape([]) as tape:
            loss = tf.reduce_sum(compiled(variable))
        return tape.gradient(loss, [variable])

    step = tf.function(step, autograph=False)
    graph = step.get_concrete_function().graph.as_graph_def()
    operations = {node.op for function in graph.library.function for node in function.node_def}
    assert "Sin" in operations
    assert "Cos" not in operations
    np.testing.assert_array_equal(step()[0], [2, 2, 2])


@pytest.mark.parametrize("precision", ["float32", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("family", "longest"),
    [("bert", 256), *(pytest.param(family, 10, marks=pytest.mark.slow) for family in TRANSFORMERS)],
)
def test_gradients_equal_those_of_a_plain_tape(family, longest, precision):
    tolerance = 1e-5 if precision == "float32" else 0.05
    backbone = load_backbone(GOLDEN / family, precision)
    loss, gradients, drawn = loss_and_gradients(backbone, backbone.blocks, longest)
    plain_loss, plain_gradients, plain_drawn = loss_and_gradients(backbone, [], longest)
    assert loss == pytest.approx(plain_loss, abs=tolerance / 10)
    np.testing.assert_array_equal(drawn, plain_drawn)
    for name, gradient in plain_gradients.items():
        largest = max(np.abs(gradient).max(), 1e-3)
        np.testing.assert_allclose(gradients[name], gradient, atol=tolerance * largest, err_msg=name)
