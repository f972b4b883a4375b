"""Backbones of causal families, which predict the next token."""

from functools import cached_property

import keras
import keras_hub

from textgraft.backbones.language_model import LanguageModel
from textgraft.backbones.transformer import Transformer
from textgraft.errors import ConfigError


class Decoder(Transformer):
    """The backbone of a causal family; only the last token's vector depends on the whole text."""

    default_pooling = "last"
    is_causal = True

    @cached_property
    def language_model(self) -> LanguageModel:
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
