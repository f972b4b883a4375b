"""Compiled GELU: values and gradients equal Keras's, whatever the number of rows; XLA sees two shapes only."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from textgraft.backbones import compiled_gelu

UNITS = 7


@pytest.mark.parametrize("approximate", [False, True])
@pytest.mark.parametrize("rows", [1, 64, 100, 512, 1100])
def test_values_and_gradients_equal_keras(rows, approximate):
    products, bias, upstream = (tf.random.stateless_normal(shape, (rows, seed), 0, 3) for seed, shape in enumerate(
        ([rows, UNITS], [UNITS], [rows, UNITS])
    ))  # fmt: skip
    with tf.GradientTape() as tape:
        tape.watch([products, bias])
        values = compiled_gelu.gelu_of_sum(products, bias, approximate)
    gradients = tape.gradient(values, [products, bias], upstream)
    with tf.GradientTape() as tape:
        tape.watch([products, bias])
        expected = keras.activations.gelu(products + bias, approximate)
    expected_gradients = tape.gradient(expected, [products, bias], upstream)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=5e-6)
    np.testing.assert_allclose(gradients[0], expected_gradients[0], rtol=1e-4, atol=5e-5)
    np.testing.assert_allclose(gradients[1], expected_gradients[1], rtol=1e-4, atol=1e-4)


def test_bfloat16_is_rounded_once():
    products = tf.cast(tf.random.stateless_normal([600, UNITS], (0, 1)), tf.bfloat16)
    bias = tf.cast(tf.random.stateless_normal([UNITS], (0, 2)), tf.bfloat16)
    values = compiled_gelu.gelu_of_sum(products, bias, True)
    exact = keras.activations.gelu(tf.cast(products, tf.float32) + tf.cast(bias, tf.float32), True)
    np.testing.assert_allclose(tf.cast(values, tf.float32), exact, rtol=2**-8, atol=1e-6)


def test_not_a_number_stays():
    values = compiled_gelu.gelu_of_sum(tf.fill([3, UNITS], np.nan), tf.zeros(UNITS), False)
    assert np.isnan(values).all()
