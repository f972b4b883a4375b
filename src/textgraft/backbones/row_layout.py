"""The tokens of a batch one after another, without padding, and side by side where attention needs them; graph ops."""

import tensorflow as tf

# Of tokens: oneDNN prepares each product for each size of it, and keeps what it has prepared.
_MULTIPLE = 16


class RowLayout:
    """Where the tokens of ragged rows, int32 (b, None), are in the concatenation of the rows, (n,).

    Fillers after them, which belong to no row, make n a multiple of 16.

    Attributes:
        positions: of each token in its row, int32 (n,); 0 for fillers.
        mask: of the padded rows, int32 (b, t), with t at least 1.
    """

    def __init__(self, rows: tf.RaggedTensor) -> None:
        lengths, starts = tf.cast(rows.row_lengths(), tf.int32), tf.cast(rows.row_starts(), tf.int32)
        row_ids = tf.cast(rows.value_rowids(), tf.int32)
        longest = tf.reduce_max(tf.concat([lengths, [1]], 0))
        size = tf.maximum(tf.size(row_ids), 1)
        self._fillers = -(-size // _MULTIPLE) * _MULTIPLE - tf.size(row_ids)
        self.positions = self.filled(tf.range(tf.size(row_ids)) - tf.gather(starts, row_ids))
        self.mask = tf.sequence_mask(lengths, longest, dtype=tf.int32)
        # Padding repeats a token of the same row, so that a vector that is not finite stays in its text.
        last = tf.maximum(starts + lengths - 1, 0)
        self._side_by_side = tf.minimum(starts[:, tf.newaxis] + tf.range(longest), last[:, tf.newaxis])
        self._one_after_another = self.filled(row_ids * longest) + self.positions

    def filled(self, values: tf.Tensor, fill: int = 0) -> tf.Tensor:
        """Values of the tokens, and those of the fillers, (n,)."""
        return tf.pad(values, [[0, self._fillers]], constant_values=fill)

    def pad(self, vectors: tf.Tensor) -> tf.Tensor:
        """Vectors (n, dim) side by side, (b, t, dim); those of padding are those of other tokens of the row."""
        return tf.gather(vectors, self._side_by_side)

    def join(self, padded: tf.Tensor) -> tf.Tensor:
        """Vectors (b, t, dim) one after another, (n, dim)."""
        return tf.gather(tf.reshape(padded, [-1, padded.shape[-1]]), self._one_after_another)
