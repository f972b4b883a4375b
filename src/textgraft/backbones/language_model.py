"""Backbones of causal families, and their logits of the next token, for all KerasHub classes named ...CausalLM."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf

from textgraft.backbones.keras_private import build_cache
from textgraft.backbones.transformer import Transformer
from textgraft.errors import ConfigError

# Positions that are added to a cache at a time; a step copies all of them, used or not.
_CACHE_INCREMENT = 128


class Decoder(Transformer):
    """The backbone of a causal family; only the last token's vector depends on the whole text."""

    default_pooling = "last"
    is_causal = True

    @cached_property
    def language_model(self) -> "LanguageModel":
        special = self.special_tokens
        if special.end_of_text is None:
            raise ConfigError(f"{self.family} has no end-of-text token")
        causal_class = getattr(keras_hub.models, self._family.causal_network)
        model = causal_class(backbone=self._encoder, preprocessor=None, compile=False)  # no optimizer, no sampler
        return LanguageModel(model, self._token_bytes, special.end_of_text, special.start, self.max_sequence_length)

    def _token_bytes(self, token_id: int) -> bytes:
        # The embedding table may have more rows than the vocabulary has tokens.
        is_token = token_id < len(self._tokenizer.vocabulary)
        is_text = is_token and self._tokenizer.vocabulary[token_id] not in self._family.special.all
        return self._tokenizer.token_bytes(token_id) if is_text else b""

    def _apply_block(
        self, block: keras.layers.Layer, vectors: keras.KerasTensor, mask: keras.KerasTensor
    ) -> keras.KerasTensor:
        return block(vectors, decoder_padding_mask=mask)

    def _apply_after_blocks(self, vectors: keras.KerasTensor) -> keras.KerasTensor:
        return self._encoder.layer_norm(vectors)


class LanguageModel:
    """A causal network.

    Attributes:
        token_bytes: the UTF-8 bytes of a token by its id; none for a special token.
        end_of_text: id of the token that ends a text, and starts one without other tokens.
        start: id of the token before every text, or None.
        max_sequence_length: maximum tokens per row, or None.
        vocabulary_size: number of logits.
    """

    def __init__(
        self,
        model: keras_hub.models.CausalLM,
        token_bytes: Callable[[int], bytes],
        end_of_text: int,
        start: int | None = None,
        max_sequence_length: int | None = None,
    ) -> None:
        """Wrap a KerasHub network, whose `call_with_cache` computes a step."""
        self._model = model
        # In bfloat16 a logit of 60 would be rounded to a multiple of 0.5.
        model.backbone.token_embedding.reverse_dtype = "float32"
        self.token_bytes = token_bytes
        self.end_of_text, self.start, self.max_sequence_length = end_of_text, start, max_sequence_length
        self.vocabulary_size = int(model.backbone.token_embedding.input_dim)

    def logits(self, vectors: tf.Tensor) -> tf.Tensor:
        """Logits, float32 (..., vocabulary_size), of the token after each vector (..., dim)."""
        return keras.ops.cast(self._model.backbone.token_embedding(vectors, reverse=True), "float32")

    def cache(self, rows: int) -> "Cache":
        """An empty cache for a number of rows."""
        shape = (rows, *self._two_token_cache.shape[1:3], 0, *self._two_token_cache.shape[4:])
        return Cache(self._last_step, self._hidden_step, tf.zeros(shape, self._two_token_cache.dtype))

    @cached_property
    def _two_token_cache(self) -> tf.Tensor:
        """A cache for one row of two tokens, (1, layers, 2, 2, heads, head_dim)."""
        return build_cache(self._model, tf.zeros((1, 2), tf.int32))

    @cached_property
    def _last_step(self) -> Any:
        return self._compile(with_logits=True)

    @cached_property
    def _hidden_step(self) -> Any:
        return self._compile(with_logits=False)

    def _compile(self, with_logits: bool) -> Any:
        """A step over one token with its logits, or over several without logits, which take longer than the rest."""

        def step(ids: tf.Tensor, cache: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
            logits, hidden, cache = self._model.call_with_cache(ids, cache, index)
            hidden = tf.cast(hidden, tf.float32)
            return (tf.cast(logits[:, -1], tf.float32), hidden, cache) if with_logits else (hidden, cache)

        shape = [None, *self._two_token_cache.shape[1:3], None, *self._two_token_cache.shape[4:]]
        cache = tf.TensorSpec(shape, self._two_token_cache.dtype)
        signature = [tf.TensorSpec([None, 1 if with_logits else None], tf.int32), cache, tf.TensorSpec([], tf.int32)]
        return tf.function(step, input_signature=signature, autograph=False)


class Cache:
    """Keys and values of the tokens of several rows, all of one length; see `LanguageModel.cache`."""

    def __init__(self, last_step: Any, hidden_step: Any, values: tf.Tensor) -> None:
        self._last_step, self._hidden_step, self._values = last_step, hidden_step, values
        self.length = 0

    def append(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Append tokens to the rows.

        Args:
            ids: int (rows, n), n at least 1.

        Returns:
            logits of the token after the last one, float32 (rows, vocabulary_size), and the vectors of the new tokens,
            float32 (rows, n, dim).
        """
        ids = ids.astype(np.int32)
        self._grow(self.length + ids.shape[1])
        vectors = []
        if ids.shape[1] > 1:
            hidden, self._values = self._hidden_step(ids[:, :-1], self._values, self.length)
            self.length += ids.shape[1] - 1
            vectors.append(hidden.numpy())
        logits, hidden, self._values = self._last_step(ids[:, -1:], self._values, self.length)
        self.length += 1
        return logits.numpy(), np.concatenate([*vectors, hidden.numpy()], axis=1)

    def select(self, rows: np.ndarray) -> None:
        """Continue with these rows in this order; a row may be repeated."""
        self._values = tf.gather(self._values, rows)

    def _grow(self, length: int) -> None:
        capacity = self._values.shape[3]
        if length > capacity:
            added = -(-(length - capacity) // _CACHE_INCREMENT) * _CACHE_INCREMENT
            self._values = tf.pad(self._values, [[0, 0]] * 3 + [[0, added]] + [[0, 0]] * 2)
