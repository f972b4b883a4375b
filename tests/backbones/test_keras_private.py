"""Weights that are loaded without random numbers."""

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.keras_private import deferred_weights


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
