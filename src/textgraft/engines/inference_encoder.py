"""Token vectors by TensorFlow for predictions only, from fixed weights, and without padding but in attention."""

import keras
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.keras_private import fixed_weights
from textgraft.backbones.layers import fused_layers, takes_joined_rows
from textgraft.backbones.row_layout import RowLayout
from textgraft.text.packing import PairRows, ids_of, pad_rows

# Of the weights that are constants: they take about 15 times that in memory, which is too much for large networks.
_MAX_CONSTANT_BYTES = 1 << 26


class InferenceEncoder:
    """Computes token vectors as a backbone does, from the weights that it has when the first batch is computed.

    Attributes:
        products: none; see `engine.Encoder`.
        joins_rows: whether rows are computed without padding; otherwise side by side, as by the backbone.
    """

    products: tuple[str, ...] = ()

    def __init__(self, backbone: Backbone) -> None:
        self._network, self._pad_id = backbone.network, backbone.special_tokens.pad
        self.joins_rows = takes_joined_rows(backbone.network)
        self.batch_tokens = backbone.batch_tokens

    def pool(self, rows: tf.RaggedTensor | PairRows, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        """Pooled vectors, float32 (b, dim); see `Backbone.pool`."""
        return pooling(*self.vectors(rows, training))

    def vectors(self, rows: tf.RaggedTensor | PairRows, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Token vectors (b, t, dim), and the padding mask, int32 (b, t); see `Backbone.vectors`."""
        with fixed_weights(_MAX_CONSTANT_BYTES):
            return self._joined(rows) if self.joins_rows else self._padded(rows)

    def _padded(self, rows: tf.RaggedTensor | PairRows) -> tuple[tf.Tensor, tf.Tensor]:
        row = pad_rows(rows, self._pad_id)
        with fused_layers(self._network):
            return self._network({name: row[name] for name in self._network.input}, training=False), row["padding_mask"]

    def _joined(self, rows: tf.RaggedTensor | PairRows) -> tuple[tf.Tensor, tf.Tensor]:
        layout = RowLayout(ids_of(rows))
        token_ids = layout.filled(ids_of(rows).values, self._pad_id)
        segment_ids = tf.zeros_like(token_ids)
        if isinstance(rows, PairRows):
            first_lengths = tf.gather(tf.cast(rows.first_lengths, tf.int32), ids_of(rows).value_rowids())
            segment_ids = tf.cast(layout.positions >= layout.filled(first_lengths), tf.int32)
        inputs = {"token_ids": token_ids, "padding_mask": tf.ones_like(token_ids), "segment_ids": segment_ids}
        with fused_layers(self._network, layout):
            vectors = self._network({name: inputs[name][tf.newaxis] for name in self._network.input}, training=False)
        return layout.pad(tf.reshape(vectors, [-1, vectors.shape[-1]])), layout.mask
