"""A network split into frozen blocks and the trainable blocks above them; both parts share its layers."""

from collections.abc import Callable

import keras
import tensorflow as tf

from textgraft.backbones.layers import fused_layers
from textgraft.text.packing import PairRows, ids_of, pad_rows


class SplitNetwork:
    """The two parts of a network.

    Attributes:
        trainable: inputs {"hidden": (b, t, dim), "padding_mask": (b, t)}; output (b, t, dim).
        dim: width of the vectors between the parts.
    """

    def __init__(
        self,
        network: keras.Model,
        hidden: keras.KerasTensor,
        apply_blocks: Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor],
        pad_id: int,
    ) -> None:
        """Split a network.

        Args:
            network: from token ids to token vectors.
            hidden: the tensor in the network at the split, (b, t, dim).
            apply_blocks: from vectors at the split and the padding mask to token vectors, by layers of the network.
            pad_id: the id that fills rows.
        """
        self._frozen = keras.Model({tensor.name: tensor for tensor in network.inputs}, hidden, name="frozen")
        self._pad_id = pad_id
        self.dim = int(hidden.shape[-1])
        vectors = keras.Input((None, self.dim), dtype=hidden.dtype, name="hidden")
        mask = keras.Input((None,), dtype="int32", name="padding_mask")
        outputs = apply_blocks(vectors, mask)
        self.trainable = keras.Model({"hidden": vectors, "padding_mask": mask}, outputs, name="trainable")

    def apply_frozen(self, rows: tf.RaggedTensor | PairRows) -> tf.RaggedTensor:
        """Vectors at the split, float32 ragged (b, None, dim), of packed rows, without dropout, by graph ops."""
        row = pad_rows(rows, self._pad_id)
        with fused_layers(self._frozen):
            hidden = self._frozen({name: row[name] for name in self._frozen.input}, training=False)
        return tf.RaggedTensor.from_tensor(tf.cast(hidden, tf.float32), ids_of(rows).row_lengths())

    def pool(self, hidden: tf.RaggedTensor, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        """Pooled vectors, float32 (b, dim), from vectors at the split; see `Backbone.pool`."""
        return pooling(*self.vectors(hidden, training))

    def vectors(self, hidden: tf.RaggedTensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Token vectors (b, t, dim) and their mask, int32 (b, t), from vectors at the split in any precision."""
        dtype = self.trainable.input["hidden"].dtype
        dense = hidden.with_values(tf.cast(hidden.values, dtype)).to_tensor()  # (b, t, dim)
        dense = tf.pad(dense, [[0, 0], [0, tf.maximum(1 - tf.shape(dense)[1], 0)], [0, 0]])
        mask = tf.sequence_mask(hidden.row_lengths(), tf.shape(dense)[1], dtype=tf.int32)
        with fused_layers(self.trainable):
            return self.trainable({"hidden": dense, "padding_mask": mask}, training=training), mask
