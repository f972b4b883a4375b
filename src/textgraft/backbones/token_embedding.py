"""The embedding layer of a network, and a smaller table in its place during training."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from textgraft.backbones.keras_private import replaced_calls, stored_value


class TokenEmbedding:
    """Embedding layer; all code reads the token table through this class, so training can replace it.

    Attributes:
        layer: looks up token ids; no other layer of the network uses its vectors.
        pad: the id that fills the rows of a batch.
    """

    def __init__(self, layer: keras.layers.Embedding, pad: int) -> None:
        self.layer, self.pad = layer, pad
        self._replacement: tuple[keras.Variable, tf.Tensor] | None = None
        self._is_changed = False

    @property
    def vectors(self) -> keras.Variable:
        """The table, float32 (rows, dim); within `replaced`, the replacement."""
        return self.layer.embeddings if self._replacement is None else self._replacement[0]

    def rows(self, ids: tf.Tensor) -> tf.Tensor:
        """Row of each token id in `vectors`; same shape."""
        return ids if self._replacement is None else tf.gather(self._replacement[1], ids)

    @contextmanager
    def replaced(self, vectors: keras.Variable, rows: tf.Tensor) -> Iterator[None]:
        """Look up vectors in another table; functions traced in the context keep it, the layer does not.

        Args:
            vectors: float32 (m, dim).
            rows: int32 (number of ids,), the row in `vectors` of each token id.
        """
        with replaced_calls({self.layer: self._look_up}):
            self._replacement = vectors, rows
            try:
                yield
            finally:
                self._replacement = None

    @contextmanager
    def cast_by_row(self) -> Iterator[None]:
        """Cast the rows that are looked up, not the table in each call; functions traced in the context keep it.

        In training the rows' gradients would have another form. A table of the type of the computation, or a
        replacement, is looked up as it is.
        """
        is_replaced = self._is_changed or self._replacement is not None
        is_cast = not is_replaced and self.layer.compute_dtype != self.layer.variable_dtype
        with replaced_calls({self.layer: self._look_up} if is_cast else {}):
            yield

    @contextmanager
    def changed(self, change: Callable[[tf.Tensor], tf.Tensor]) -> Iterator[None]:
        """Compute with a function of the vectors that are looked up, (b, t, dim), of the same shape and type.

        Functions traced in the context keep it; the layer does not.
        """
        with replaced_calls({self.layer: lambda ids, *_, **__: change(self._look_up(ids))}):
            self._is_changed = True
            try:
                yield
            finally:
                self._is_changed = False

    def _look_up(self, ids: tf.Tensor) -> tf.Tensor:
        # The rows are cast after the lookup, not the whole table before it.
        return tf.cast(tf.gather(stored_value(self.vectors), self.rows(ids)), self.layer.compute_dtype)
