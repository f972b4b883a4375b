"""Fast dropout: rate, scale, gradient and seeds, the network is restored afterwards; weights without random numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgraft.backbones.keras_private import deferred_weights, fast_dropout


def network(rate, seed=0):
    inputs = keras.Input((None,))
    return keras.Model(inputs, keras.layers.Dropout(rate, seed=seed)(inputs))


def dropped(model, ones, training=True):
    with fast_dropout(model):
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
    with fast_dropout(model), tf.GradientTape() as tape:
        values = model(ones, training=True)
    np.testing.assert_array_equal(tape.gradient(values, ones), values)


def test_prediction_drops_nothing():
    np.testing.assert_array_equal(dropped(network(0.9), tf.ones((40, 7)), training=False), np.ones((40, 7)))


def test_layers_are_restored_after_an_error():
    ones, touched, untouched = tf.ones((40, 7)), network(0.3), network(0.3)
    with pytest.raises(RuntimeError), fast_dropout(touched):
        raise RuntimeError
    np.testing.assert_array_equal(touched(ones, training=True), untouched(ones, training=True))


def test_nested_dropout_layers_are_found(two_layer_bert):
    import textgraft as tg
    from textgraft.backbones import keras_private

    model = tg.TextClassifier(two_layer_bert, ["a", "b"], precision="float32").model
    found = [layer for layer in model._flatten_layers() if keras_private._is_plain_dropout(layer)]
    # the embeddings', two and one for the attention in each of two blocks, the head's
    assert len(found) == 1 + 2 * 3 + 1


def test_initializer_is_called_for_weights_without_a_value_only():
    shapes = []

    def initialize(shape, dtype=None):
        shapes.append(shape)
        return tf.ones(shape, dtype)

    layer = keras.layers.Dense(3, kernel_initializer=initialize, bias_initializer=initialize)
    with deferred_weights():
        layer.build((None, 2))
        layer.kernel.assign(np.full((2, 3), 7.0))
    assert shapes == [(3,)]
    np.testing.assert_array_equal(layer(np.ones((1, 2))), np.full((1, 3), 15.0))
    layer.kernel.assign(np.zeros((2, 3)))
    np.testing.assert_array_equal(layer(np.ones((1, 2))), np.ones((1, 3)))
