"""The table of vectors that token ids select, and its rows in use while a training runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf


class TokenTable:
    """The embedding layer at the bottom of a network, as the one way to its rows.

    Attributes:
        layer: looks up token ids; nothing else in the network uses its vectors.
        pad: the id that fills the rows of a batch.
    """

    def __init__(self, layer: keras.layers.Embedding, pad: int) -> None:
        """Take the layer of a network that is built, and the id that fills rows."""
        self.layer = layer
        self.pad = pad
        self._replacement: tuple[keras.Variable, tf.Tensor] | None = None

    @property
    def vectors(self) -> keras.Variable:
        """The table, float32 (rows, dim); within `replaced`, what stands in for it."""
        return self.layer.embeddings if self._replacement is None else self._replacement[0]

    def rows(self, ids: tf.Tensor) -> tf.Tensor:
        """Where the vectors of token ids are in `vectors`; shape as given."""
        return ids if self._replacement is None else tf.gather(self._replacement[1], ids)

    @contextmanager
    def replaced(self, vectors: keras.Variable, place: tf.Tensor) -> Iterator[None]:
        """Look up in other vectors. Functions traced meanwhile keep what they traced; the layer is as before then.

        Args:
            vectors: float32 (m, dim).
            place: int32 (rows,), where among them the vector of a token id is.
        """
        self._replacement = vectors, place
        self.layer.call = self._look_up
        try:
            yield
        finally:
            del self.layer.call
            self._replacement = None

    def _look_up(self, ids: tf.Tensor) -> tf.Tensor:
        # Rows are chosen before they are cast, not the whole table cast before rows are chosen.
        return tf.cast(tf.gather(self.vectors.value, self.rows(ids)), self.layer.compute_dtype)
