"""A network in two: what is below the blocks that are trained, and these blocks; they share its layers."""

from collections.abc import Callable

import keras
import tensorflow as tf

from textgraft.backbones.fused_layers import fused_layers
from textgraft.text.packing import PairRows, ids_of, pad_rows


class SplitNetwork:
    """The two halves of a network.

    Attributes:
        upper: inputs {"hidden": (b, t, dim), "padding_mask": (b, t)}; output (b, t, dim).
        dim: width of what goes from one to the other.
    """

    def __init__(
        self,
        network: keras.Model,
        cut: keras.KerasTensor,
        above: Callable[[keras.KerasTensor, keras.KerasTensor], keras.KerasTensor],
        pad_id: int,
    ) -> None:
        """Cut a network.

        Args:
            network: from token ids to token vectors.
            cut: of the network, (b, t, dim).
            above: (what is at the cut, padding mask) to token vectors, by layers of the network.
            pad_id: the id that fills rows.
        """
        self._lower = keras.Model({tensor.name: tensor for tensor in network.inputs}, cut, name="lower")
        self._pad = pad_id
        self.dim = int(cut.shape[-1])
        hidden = keras.Input((None, self.dim), dtype=cut.dtype, name="hidden")
        mask = keras.Input((None,), dtype="int32", name="padding_mask")
        self.upper = keras.Model({"hidden": hidden, "padding_mask": mask}, above(hidden, mask), name="upper")

    def below(self, rows: tf.RaggedTensor | PairRows) -> tf.RaggedTensor:
        """Packed rows to what the upper half sees, without dropout; graph ops.

        Args:
            rows: token ids, int32 ragged (b, None), or those of pairs.

        Returns:
            float32 ragged (b, None, dim).
        """
        row = pad_rows(rows, self._pad)
        with fused_layers(self._lower):
            hidden = self._lower({name: row[name] for name in self._lower.input}, training=False)
        return tf.RaggedTensor.from_tensor(tf.cast(hidden, tf.float32), ids_of(rows).row_lengths())

    def vectors(self, hidden: tf.RaggedTensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """What `below` gave, in any precision, to token vectors (b, t, dim) and their mask, int32 (b, t); graph ops."""
        dense = hidden.with_values(tf.cast(hidden.values, self.upper.input["hidden"].dtype)).to_tensor()  # (b, t, dim)
        dense = tf.pad(dense, [[0, 0], [0, tf.maximum(1 - tf.shape(dense)[1], 0)], [0, 0]])
        mask = tf.sequence_mask(hidden.row_lengths(), tf.shape(dense)[1], dtype=tf.int32)
        with fused_layers(self.upper):
            return self.upper({"hidden": dense, "padding_mask": mask}, training=training), mask
