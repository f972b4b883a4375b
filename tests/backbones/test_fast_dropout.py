"""Fast dropout: rate, scale, gradient and seeds; in attention also the function and its gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgraft.backbones.fast_dropout import AttentionDropout, fast_dropout
from textgraft.backbones.layers import fused_layers

SHORT, LONG = 10, 1000


def network(rate, seed=0):
    inputs = keras.Input((None,))
    return keras.Model(inputs, keras.layers.Dropout(rate, seed=seed)(inputs))


def dropped(model, ones, training=True):
    with fast_dropout(model, SHORT):
        return model(ones, training=training).numpy()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_has_the_rate_and_scale(rate):
    values = dropped(network(rate), tf.ones((1000, 999)))
    zeros = np.mean(values == 0)
    assert abs(zeros - rate) < 4 * (rate * (1 - rate) / values.size) ** 0.5
    np.testing.assert_allclose(values[values > 0], 1 / (1 - rate), rtol=1e-3)
    assert values.mean() == pytest.approx(1, abs=0.01)


def test_rate_close_to_one_drops_almost_everything():
    assert np.mean(dropped(network(0.9999999), tf.ones((100, 100))) == 0) > 0.99


def test_dropped_elements_are_independent():
    zeros = dropped(network(0.5), tf.ones((999, 1001))) == 0
    for first, second in ((zeros[:, :-1], zeros[:, 1:]), (zeros[:-1], zeros[1:]), (zeros[:, :-2], zeros[:, 2:])):
        assert abs(np.mean(first & second) - 0.25) < 0.003


def test_each_step_has_a_new_mask_that_the_seed_determines():
    ones, first, second = tf.ones((40, 7)), network(0.3), network(0.3)
    steps = [dropped(first, ones) for _ in range(3)]
    assert not np.array_equal(steps[0], steps[1])
    np.testing.assert_array_equal([dropped(second, ones) for _ in range(3)], steps)


def test_gradient_has_the_mask_of_the_values():
    model, ones = network(0.3), tf.Variable(tf.ones((40, 7)))
    with fast_dropout(model, SHORT), tf.GradientTape() as tape:
        values = model(ones, training=True)
    np.testing.assert_array_equal(tape.gradient(values, ones), values)


def test_prediction_drops_nothing():
    np.testing.assert_array_equal(dropped(network(0.9), tf.ones((40, 7)), training=False), np.ones((40, 7)))


def test_layers_are_restored_after_an_error():
    ones, touched, untouched = tf.ones((40, 7)), network(0.3), network(0.3)
    with pytest.raises(RuntimeError), fast_dropout(touched, SHORT):
        raise RuntimeError
    np.testing.assert_array_equal(touched(ones, training=True), untouched(ones, training=True))


def test_nested_dropout_layers_are_found(two_layer_bert):
    import textgraft as tg
    from textgraft.backbones.keras_private import flatten_layers

    model = tg.TextClassifier(two_layer_bert, ["a", "b"], precision="float32").model
    with fast_dropout(model, SHORT):
        replaced = [layer for layer in flatten_layers(model) if "call" in vars(layer)]
    # the embeddings', two and one for the attention in each of two blocks, the head's
    assert len(replaced) == 1 + 2 * 3 + 1


def attention_model(rate):
    layer = keras.layers.MultiHeadAttention(2, 3, dropout=rate, seed=5)
    vectors = keras.Input((None, 6))
    return keras.Model(vectors, layer(vectors, vectors)), layer


def attention_weights(rate, length, dtype=tf.float32, calls=1):
    """Weights after dropout, (calls, 4, length, length), of equal scores."""
    layer = keras.layers.Dropout(rate, seed=3)
    scores, identity = tf.zeros([1, 4, length, length], dtype), tf.eye(length, batch_shape=[1, 4], dtype=dtype)
    return np.stack([tf.cast(AttentionDropout(layer).attend(scores, identity)[0], tf.float32) for _ in range(calls)])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_attention_drops_weights_at_the_rate_and_scales_the_others(rate):
    weights = attention_weights(rate, 250) * 250
    dropped = np.mean(weights == 0)
    assert abs(dropped - rate) < 4 * (rate * (1 - rate) / weights.size) ** 0.5
    np.testing.assert_allclose(weights[weights > 0], 1 / (1 - rate), rtol=1e-5)


def test_dropped_attention_weights_are_independent():
    zeros = attention_weights(0.5, 512, calls=2) == 0
    pairs = [(zeros[0], zeros[1])] + [
        (np.roll(zeros[0], shift, axis), zeros[0]) for axis in (0, 1, 2) for shift in (1, 2, 3)
    ]
    for first, second in pairs:
        assert abs(np.mean(first & second) - 0.25) < 0.003


def test_gradients_of_attention_with_dropout_equal_those_of_its_formula():
    length, layer = 37, keras.layers.Dropout(0.3, seed=3)
    state = layer.seed_generator.state.numpy()
    identity = tf.eye(length, batch_shape=[2, 4])
    scores, upstream = (tf.random.stateless_normal([2, 4, length, width], (0, width)) for width in (length, 5))
    values = tf.random.stateless_normal([2, 4, length, 5], (1, 1))
    factors = AttentionDropout(layer).attend(tf.zeros([2, 4, length, length]), identity) * length
    layer.seed_generator.state.assign(state)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([scores, values])
        outputs = AttentionDropout(layer).attend(scores, values)
        expected = tf.matmul(tf.nn.softmax(scores) * factors, values)
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    for source in (scores, values):
        gradient, expected_gradient = (tape.gradient(target, source, upstream) for target in (outputs, expected))
        np.testing.assert_allclose(gradient, expected_gradient, atol=1e-5)


def test_attention_of_long_rows_uses_the_compiled_form_and_restores_the_layer():
    model, layer = attention_model(0.5)
    vectors = tf.random.stateless_normal([2, 4, 6], (0, 1))
    plain = model(vectors)
    for longest in (SHORT, LONG):
        with fast_dropout(model, longest), fused_layers(model):
            (call,) = (vars(inner)["call"] for inner in layer._flatten_layers() if type(inner) is keras.layers.Dropout)
            assert isinstance(call, AttentionDropout) == (longest == LONG)
            assert not np.allclose(model(vectors, training=True), plain)
            np.testing.assert_allclose(model(vectors), plain, atol=1e-6)
    assert not [inner for inner in layer._flatten_layers() if "call" in vars(inner)]
