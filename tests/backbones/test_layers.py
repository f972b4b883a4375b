"""Quick layers are the layers of Keras: outputs, gradients, masks, dropout; and they leave a network as it was."""

from contextlib import nullcontext

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgraft.backbones.layers import ACTIVATIONS, fused_layers
from textgraft.backbones.presets import load_backbone
from textgraft.storage.schema import LAYER_CONFIG

IDS = tf.constant([[2, 5, 6, 7, 3], [2, 8, 3, 0, 0], [2, 3, 0, 0, 0]])
INPUTS = {
    "token_ids": IDS,
    "segment_ids": tf.zeros_like(IDS),
    "padding_mask": tf.constant([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]),
}


@pytest.fixture(scope="module", params=["float32", "mixed_bfloat16"])
def precision(request):
    return request.param


@pytest.fixture(scope="module")
def network(precision, tiny_bert):
    return load_backbone(tiny_bert, precision).network


def vectors_and_gradients(network, training, layers):
    """Of the real tokens; random states are put back, so that the next call draws the same."""
    states = [(weight, weight.numpy()) for weight in network.non_trainable_variables]
    with layers, tf.GradientTape() as tape:
        vectors = tf.cast(network(INPUTS, training=training), tf.float32)
        some = tf.boolean_mask(vectors, INPUTS["padding_mask"])
        loss = tf.reduce_sum(some * tf.cos(tf.range(tf.size(some), dtype=tf.float32))[: tf.shape(some)[0], None])
    gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
    for weight, value in states:
        weight.assign(value)
    dense = [np.zeros(1) if gradient is None else tf.convert_to_tensor(gradient).numpy() for gradient in gradients]
    return some.numpy(), dense


@pytest.mark.parametrize("training", [False, True])
def test_outputs_and_gradients_equal_keras(network, precision, training):
    tolerance = 1e-5 if precision == "float32" else 0.05
    expected, expected_gradients = vectors_and_gradients(network, training, nullcontext())
    found, gradients = vectors_and_gradients(network, training, fused_layers(network))
    np.testing.assert_allclose(found, expected, atol=tolerance)
    for gradient, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(gradient, other, atol=tolerance * max(1, np.abs(other).max()))


def test_dropout_is_on_in_training(network):
    plain, _ = vectors_and_gradients(network, False, fused_layers(network))
    dropped, _ = vectors_and_gradients(network, True, fused_layers(network))
    assert not np.allclose(plain, dropped, atol=0.1)


def test_causal_mask_is_applied():
    attention = keras.layers.MultiHeadAttention(2, 3)
    inputs = keras.Input((None, 6)), keras.Input((None, None))
    model = keras.Model(inputs, attention(inputs[0], inputs[0], attention_mask=inputs[1]))
    mask = np.tril(np.ones((1, 4, 4), np.float32)).repeat(2, axis=0)
    vectors = np.random.default_rng(0).normal(size=(2, 4, 6)).astype(np.float32)
    expected = model([vectors, mask])
    with fused_layers(model):
        np.testing.assert_allclose(model([vectors, mask]), expected, atol=1e-6)


def test_other_arguments_are_left_to_keras():
    attention, inputs = keras.layers.MultiHeadAttention(2, 3), keras.Input((None, 6))
    model = keras.Model(inputs, attention(inputs, inputs, use_causal_mask=True))
    vectors = np.random.default_rng(0).normal(size=(2, 4, 6)).astype(np.float32)
    expected = model(vectors)
    with fused_layers(model):
        np.testing.assert_allclose(model(vectors), expected, atol=1e-6)


@pytest.mark.parametrize("special", [{"use_gate": True}, {"sliding_window": 2}, {"use_bias": False}])
def test_attention_with_other_features_is_not_replaced(special):
    inputs = keras.Input((4, 6))
    attention = keras.layers.MultiHeadAttention(2, 3, **special)
    model = keras.Model(inputs, attention(inputs, inputs))
    with fused_layers(model):
        assert "call" not in vars(attention)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_normalization_far_from_zero_equals_keras(dtype):
    inputs = keras.Input((None, 8), dtype="float32")
    model = keras.Model(inputs, keras.layers.LayerNormalization(epsilon=1e-12, dtype=dtype)(inputs))
    numbers = np.random.default_rng(0)
    model.set_weights([numbers.normal(size=8).astype(np.float32) for _ in range(2)])
    vectors = tf.constant(numbers.normal(100, 3, (2, 3, 8)).astype(np.float32))
    wanted = tf.constant(numbers.normal(size=(2, 3, 8)).astype(np.float32))

    def outputs_and_gradients():
        with tf.GradientTape() as tape:
            tape.watch(vectors)
            outputs = tf.cast(model(vectors), tf.float32)
        sources = [vectors, *(weight.value for weight in model.trainable_variables)]
        return outputs.numpy(), *tape.gradient(outputs, sources, output_gradients=wanted)

    expected = outputs_and_gradients()
    with fused_layers(model):
        found = outputs_and_gradients()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5 if dtype == "float32" else 0.05)


@pytest.mark.parametrize("special", [{"axis": (1, 2)}, {"center": False}, {"scale": False}])
def test_other_normalization_is_not_replaced(special):
    layer, inputs = keras.layers.LayerNormalization(**special), keras.Input((4, 6))
    model = keras.Model(inputs, layer(inputs))
    with fused_layers(model):
        assert "call" not in vars(layer)


def test_layers_are_restored_after_an_error(network):
    with pytest.raises(RuntimeError), fused_layers(network):
        raise RuntimeError
    assert not [layer for layer in network._flatten_layers() if "call" in vars(layer)]


def test_activations_are_those_of_the_schema():
    assert set(ACTIVATIONS) == set(LAYER_CONFIG.fields["activation"].words)


def test_relu_keeps_nan_in_a_graph():
    layer = keras.layers.Dense(2, ACTIVATIONS["relu"], kernel_initializer="ones")
    infer = tf.function(layer)
    np.testing.assert_array_equal(infer(tf.constant([[-1.0, 0.0], [1.0, np.nan]])), [[0, 0], [np.nan, np.nan]])


def test_normalization_of_vectors_that_overflow_is_nan():
    layer = keras.layers.LayerNormalization()
    vectors = keras.Input((2,))
    network = keras.Model(vectors, layer(vectors))
    with fused_layers(network):
        outputs = tf.function(network)(tf.constant([[1e30, -1e30], [1.0, 3.0]]))
    np.testing.assert_allclose(outputs, [[np.nan, np.nan], [-1, 1]], atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_gelu_of_predictions_keeps_nan_and_has_no_loop(dtype):
    layer = keras.layers.Dense(4, ACTIVATIONS["gelu_approximate"], kernel_initializer="ones", dtype=dtype)
    vectors = keras.Input((2,))
    network = keras.Model(vectors, layer(vectors))
    with fused_layers(network):
        infer = tf.function(lambda rows: network(rows, training=False)).get_concrete_function(
            tf.TensorSpec([None, 2], tf.float32)
        )
    assert not [operation for operation in infer.graph.get_operations() if "While" in operation.type]
    outputs = tf.cast(infer(tf.constant([[0.5, 0.5], [1.0, np.nan], [-2.0, -1.0]])), tf.float32)
    np.testing.assert_allclose(outputs, [[0.841] * 4, [np.nan] * 4, [-0.004] * 4], atol=0.004)
