"""Quick dropout is dropout: rate, scale and gradient; and it leaves a network as it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgraft.training.keras_private import fast_dropout


def network(rate, seed=0):
    inputs = keras.Input((None,))
    return keras.Model(inputs, keras.layers.Dropout(rate, seed=seed)(inputs))


def dropped(model, ones, training=True):
    with fast_dropout(model):
        return model(ones, training=training).numpy()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_rate_and_scale(rate):
    values = dropped(network(rate), tf.ones((1000, 999)))
    zeros = np.mean(values == 0)
    assert abs(zeros - rate) < 4 * (rate * (1 - rate) / values.size) ** 0.5
    np.testing.assert_allclose(values[values > 0], 1 / (1 - rate), rtol=1e-3)
    assert values.mean() == pytest.approx(1, abs=0.01)


def test_a_rate_next_to_one():
    assert np.mean(dropped(network(0.9999999), tf.ones((100, 100))) == 0) > 0.99


def test_neighbours_and_rows_are_independent():
    zeros = dropped(network(0.5), tf.ones((999, 1001))) == 0
    for first, second in ((zeros[:, :-1], zeros[:, 1:]), (zeros[:-1], zeros[1:]), (zeros[:, :-2], zeros[:, 2:])):
        assert abs(np.mean(first & second) - 0.25) < 0.003


def test_each_step_draws_anew_and_a_seed_repeats_them():
    ones, first, second = tf.ones((40, 7)), network(0.3), network(0.3)
    steps = [dropped(first, ones) for _ in range(3)]
    assert not np.array_equal(steps[0], steps[1])
    np.testing.assert_array_equal([dropped(second, ones) for _ in range(3)], steps)


def test_the_gradient_goes_where_the_values_went():
    model, ones = network(0.3), tf.Variable(tf.ones((40, 7)))
    with fast_dropout(model), tf.GradientTape() as tape:
        values = model(ones, training=True)
    np.testing.assert_array_equal(tape.gradient(values, ones), values)


def test_at_prediction_nothing_is_dropped():
    np.testing.assert_array_equal(dropped(network(0.9), tf.ones((40, 7)), training=False), np.ones((40, 7)))


def test_the_network_is_as_before_afterwards():
    ones, touched, untouched = tf.ones((40, 7)), network(0.3), network(0.3)
    with pytest.raises(RuntimeError), fast_dropout(touched):
        raise RuntimeError
    np.testing.assert_array_equal(touched(ones, training=True), untouched(ones, training=True))


def test_layers_inside_layers_are_found(tiny_bert):
    import textgraft as tg
    from textgraft.training import keras_private

    model = tg.TextClassifier(tiny_bert, ["a", "b"], precision="float32").model
    found = [layer for layer in model._flatten_layers() if keras_private._is_plain_dropout(layer)]
    # the embeddings', two and one for the attention in each of two blocks, the head's
    assert len(found) == 1 + 2 * 3 + 1
