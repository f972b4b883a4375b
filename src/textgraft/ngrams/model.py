"""The n-gram model: strings to logits, as ops of core TensorFlow."""

from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.model_folder.ngrams import NGRAMS
from textgraft.ngrams.graph import count_ngrams, weighted
from textgraft.text.cleaning import Cleaning
from textgraft.training.token_ids import run_in_parallel


class NgramModel:
    """A linear model of the weighted counts of n-grams; those that training did not keep do not count.

    Attributes:
        buckets: hashes of the n-grams in ascending order, whole numbers in float32 (features,).
        scale: float32 (features,).
        kernel: float32 (features, width).
        bias: float32 (width,).
    """

    def __init__(self, features: int, width: int, cleaning: Cleaning) -> None:
        self._cleaning = cleaning
        shapes = {"buckets": (features,), "scale": (features,), "kernel": (features, width), "bias": (width,)}
        self.buckets, self.scale, self.kernel, self.bias = (
            keras.Variable("zeros", shape, "float32", trainable=False, name=name) for name, shape in shapes.items()
        )

    @property
    def features(self) -> int:
        """Number of n-grams."""
        return int(self.buckets.shape[0])

    @property
    def weights(self) -> dict[str, keras.Variable]:
        """The variables by their names in a model folder."""
        return {f"{NGRAMS}{weight.name}": weight for weight in (self.buckets, self.scale, self.kernel, self.bias)}

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Logits, float32 (n, width), of texts, string (n,); graph ops."""
        ngrams, size = count_ngrams(self._cleaning(texts)), tf.size(texts, tf.int64)
        buckets = tf.cast(tf.convert_to_tensor(self.buckets), tf.int64)
        columns = tf.searchsorted(buckets, ngrams.buckets, out_type=tf.int64)
        columns = tf.minimum(columns, self.features - 1)
        is_known = tf.gather(buckets, columns) == ngrams.buckets
        rows, columns, counts = (tf.boolean_mask(part, is_known) for part in (ngrams.rows, columns, ngrams.counts))
        values = weighted(rows, counts, tf.gather(tf.convert_to_tensor(self.scale), columns), size)
        matrix = tf.SparseTensor(tf.stack([rows, columns], axis=1), values, tf.stack([size, self.features]))
        return tf.sparse.sparse_dense_matmul(matrix, tf.convert_to_tensor(self.kernel)) + self.bias

    def logits(self, texts: np.ndarray) -> np.ndarray:
        """Logits of an object array of UTF-8 bytes, (n,), a few texts at a time on each core."""
        parts = run_in_parallel(lambda batch: (self._compiled(tf.constant(batch, tf.string)).numpy(),), [texts])
        return np.concatenate([np.empty((0, *self.bias.shape), np.float32), *(logits for (logits,) in parts)])

    @cached_property
    def _compiled(self) -> Any:
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def compiled(texts: tf.Tensor) -> tf.Tensor:
            with tf.device("CPU:0"):  # operations on strings run on no other
                return self(texts)

        return compiled
