"""A causal network as it predicts the next token; one contract for every class that KerasHub calls ...CausalLM."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from textgraft.backbones.keras_private import build_cache

# Room for so many tokens is added to a cache at once: a step copies all of it, used or not.
_ROOM = 128


class LanguageModel:
    """A causal network and what surrounds it.

    Attributes:
        end_of_text: the id that ends a text, and begins one where nothing else does.
        start: the id that stands before every text, or None.
        context: most tokens of a row, or None.
        vocabulary_size: of the logits.
    """

    def __init__(
        self,
        model: keras_hub.models.CausalLM,
        spelling: Callable[[int], bytes],
        end_of_text: int,
        start: int | None = None,
        context: int | None = None,
    ) -> None:
        """Take a network.

        Args:
            model: its `call_with_cache` computes a step.
            spelling: see `spelling`.
            end_of_text: see the class.
            start: see the class.
            context: see the class.
        """
        self._model = model
        # A logit of 60 in bfloat16 is told from 60.5, and from nothing between.
        model.backbone.token_embedding.reverse_dtype = "float32"
        self._spelling = spelling
        self.end_of_text, self.start, self.context = end_of_text, start, context
        self.vocabulary_size = int(model.backbone.token_embedding.input_dim)

    def spelling(self, token_id: int) -> bytes:
        """The bytes of a text that a token stands for; none for a special token."""
        return self._spelling(token_id)

    def logits(self, vectors: tf.Tensor) -> tf.Tensor:
        """What the token after each vector is, by the table of the tokens where that is tied.

        Args:
            vectors: of the network, (..., dim); a tensor in a graph, or Keras's stand-in for one.

        Returns:
            float32 (..., vocabulary_size).
        """
        return keras.ops.cast(self._model.backbone.token_embedding(vectors, reverse=True), "float32")

    def cache(self, rows: int) -> "Cache":
        """An empty cache for so many rows."""
        shape = (rows, *self._cache.shape[1:3], 0, *self._cache.shape[4:])
        return Cache(self._read, self._skim, tf.zeros(shape, self._cache.dtype))

    @cached_property
    def _cache(self) -> tf.Tensor:
        """Of one row that has read two tokens: (1, layers, 2, 2, heads, width)."""
        return build_cache(self._model)

    @cached_property
    def _read(self) -> Any:
        def read(ids: tf.Tensor, cache: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            logits, hidden, cache = self._model.call_with_cache(ids, cache, index)
            return tf.cast(logits[:, -1], tf.float32), tf.cast(hidden, tf.float32), cache

        return self._compiled(read, 1)

    @cached_property
    def _skim(self) -> Any:
        """As `_read`, but for the logits, which would take more than all the rest."""

        def skim(ids: tf.Tensor, cache: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            _, hidden, cache = self._model.call_with_cache(ids, cache, index)
            return tf.cast(hidden, tf.float32), cache

        return self._compiled(skim, None)

    def _compiled(self, function: Callable[..., Any], tokens: int | None) -> Any:
        shape = [None, *self._cache.shape[1:3], None, *self._cache.shape[4:]]
        cache = tf.TensorSpec(shape, self._cache.dtype)
        signature = [tf.TensorSpec([None, tokens], tf.int32), cache, tf.TensorSpec([], tf.int32)]
        return tf.function(function, input_signature=signature, autograph=False)


class Cache:
    """Keys and values of what some rows, all of one length, have read.

    Attributes:
        length: how many tokens each row has read.
    """

    def __init__(self, read: Any, skim: Any, values: tf.Tensor) -> None:
        """Begin with nothing read; see `LanguageModel.cache`."""
        self._read, self._skim, self._values = read, skim, values
        self.length = 0

    def read(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read on.

        Args:
            ids: int (rows, n), n at least 1.

        Returns:
            logits of the token after the last one, float32 (rows, vocabulary_size), and the vectors of those read,
            float32 (rows, n, dim).
        """
        ids = ids.astype(np.int32)
        self._make_room(self.length + ids.shape[1])
        vectors = []
        if ids.shape[1] > 1:
            hidden, self._values = self._skim(ids[:, :-1], self._values, self.length)
            self.length += ids.shape[1] - 1
            vectors.append(hidden.numpy())
        logits, hidden, self._values = self._read(ids[:, -1:], self._values, self.length)
        self.length += 1
        return logits.numpy(), np.concatenate([*vectors, hidden.numpy()], axis=1)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with these rows, in this order; one may come several times."""
        self._values = tf.gather(self._values, rows)

    def _make_room(self, length: int) -> None:
        there = self._values.shape[3]
        if length > there:
            more = -(-(length - there) // _ROOM) * _ROOM
            self._values = tf.pad(self._values, [[0, 0]] * 3 + [[0, more]] + [[0, 0]] * 2)
