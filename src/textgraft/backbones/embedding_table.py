"""Backbones that look up a vector per token in a table, without a network above it."""

from typing import Any

import keras
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.token_embedding import TokenEmbedding
from textgraft.text.packing import PairRows, ids_of

# Sums of rows that compute a pooling, and the function from the number of words to the divisor.
_SPARSE_POOLINGS = {
    "sqrtn": (tf.raw_ops.SparseSegmentSqrtNWithNumSegments, tf.sqrt),
    "mean": (tf.raw_ops.SparseSegmentMeanWithNumSegments, tf.identity),
}
# Sparse products run on the CPU even if there is a GPU, whose results differ from run to run.
_DEVICE = "CPU"


class EmbeddingTable(Backbone):
    """A trainable table; a text's vector is a mean or sum of the rows of its tokens."""

    contextual = False
    max_sequence_length = None

    def _build_table(self, rows: int, dim: int, name: str) -> None:
        """Build network and table, of zeros; the special tokens are known."""
        # In float32 with any precision: a lookup has no products, and bfloat16 would lose small updates of rare words.
        table = keras.layers.Embedding(rows, dim, embeddings_initializer="zeros", dtype="float32", name=name)
        self.token_embedding = TokenEmbedding(table, self.special_tokens.pad)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
        mask = keras.ops.cast(keras.ops.expand_dims(padding_mask, -1), "float32")
        self.network = keras.Model(
            {"token_ids": token_ids, "padding_mask": padding_mask}, table(token_ids) * mask, name=self.family
        )

    def pool(self, rows: tf.RaggedTensor | PairRows, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        """Compute sums and means as sparse sums over table rows: no padding, and no vector per token.

        The words of a pair are pooled as one text.
        """
        if pooling.method not in _SPARSE_POOLINGS:
            return super().pool(rows, pooling, training)
        rows = ids_of(rows)
        table_rows = tf.cast(self.token_embedding.rows(rows.values), tf.int64)
        return _pool_rows(self.token_embedding.vectors.value, rows.with_values(table_rows), pooling.method)


def _pool_rows(table: tf.Tensor, rows: tf.RaggedTensor, method: str) -> tf.Tensor:
    """Rows of the table at int64 ragged (b, None), combined per text, as float32 (b, dim); zeros for no rows."""
    texts, num_texts = rows.value_rowids(), rows.nrows()
    combine, divisor = _SPARSE_POOLINGS[method]

    # TensorFlow's own gradient takes four times as long as the product with the transposed counts.
    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        with tf.device(_DEVICE):
            indices = tf.stack([texts, rows.values], axis=1)  # (t, 2)
            shape = tf.stack([num_texts, tf.shape(table, tf.int64)[0]])
            ones = tf.ones_like(texts, tf.float32)
            counts = tf.raw_ops.SparseTensorToCSRSparseMatrix(indices=indices, values=ones, dense_shape=shape)
            transposed = tf.raw_ops.SparseMatrixTranspose(input=counts, type=tf.float32)
            divisors = divisor(tf.cast(tf.maximum(rows.row_lengths(), 1), tf.float32))
            return tf.raw_ops.SparseMatrixMatMul(a=transposed, b=upstream / divisors[:, tf.newaxis])

    @tf.custom_gradient
    def pooled(vectors: tf.Tensor) -> Any:
        with tf.device(_DEVICE):
            return combine(data=vectors, indices=rows.values, segment_ids=texts, num_segments=num_texts), gradient

    return pooled(table)
