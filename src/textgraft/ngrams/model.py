"""The n-gram model: strings to logits, as ops of core TensorFlow."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from textgraft.model_folder.ngrams import NGRAMS
from textgraft.ngrams.graph import count_ngrams, occurrences, split_into_words, weighted
from textgraft.text.cleaning import Cleaning
from textgraft.training.token_ids import run_in_parallel


class WordContributions(NamedTuple):
    """The words of a text, and the part of each in the logits, float64 (words, width)."""

    words: list[bytes]
    logits: np.ndarray


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

    def split(self, texts: Sequence[bytes]) -> list[list[bytes]]:
        """The words of each text, as n-grams count them."""
        return split_into_words(self._cleaning(tf.constant(texts, tf.string))).to_list()  # type: ignore[no-any-return]

    def word_contributions(self, text: bytes) -> WordContributions:
        """The words of a text with their parts in the logits, which sum to the logits without the bias.

        The part of an n-gram is its product with the kernel. Each of its occurrences has an equal share of that, and
        each word of an occurrence an equal share again.
        """
        (words,) = self.split([text])
        ngrams = occurrences(tf.constant(words, tf.string), tf.zeros([len(words)], tf.int64))
        known_buckets = np.asarray(self.buckets).astype(np.int64)
        buckets, starts, sizes = (part.numpy() for part in ngrams)
        columns = np.minimum(np.searchsorted(known_buckets, buckets), self.features - 1)
        is_known = known_buckets[columns] == buckets
        columns, starts, sizes = columns[is_known], starts[is_known], sizes[is_known]
        features, positions, counts = np.unique(columns, return_inverse=True, return_counts=True)
        rows = np.zeros(len(features), np.int64)
        values = weighted(rows, counts.astype(np.float32), np.asarray(self.scale)[features], 1).numpy()
        parts = (values / counts)[:, np.newaxis] * np.asarray(self.kernel, np.float64)[features]  # of an occurrence
        logits = np.zeros((len(words), self.kernel.shape[1]))
        for offset in range(int(sizes.max(initial=0))):
            covered = sizes > offset
            np.add.at(logits, starts[covered] + offset, (parts[positions] / sizes[:, np.newaxis])[covered])
        return WordContributions(words, logits)

    @cached_property
    def _compiled(self) -> Any:
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
        def compiled(texts: tf.Tensor) -> tf.Tensor:
            with tf.device("CPU:0"):  # operations on strings run on no other
                return self(texts)

        return compiled
