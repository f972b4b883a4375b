"""DistilBERT: WordPiece and the weights of a KerasHub encoder."""

from collections.abc import Mapping
from typing import Any

from textgraft.model_folder.backbones.transformer import Shapes, TransformerLayout, encoder, fields
from textgraft.storage.schema import integer
from textgraft.tokenizers.files import WORD_PIECE


class DistilBertLayout(TransformerLayout):
    """DistilBERT's part of a model folder."""

    tokenizer = WORD_PIECE
    fields = fields(WORD_PIECE, vocabulary_size=integer(1))

    @classmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Shapes:
        """Embeddings, then layer by layer."""
        yield from encoder(config["network"], "token_and_position_embedding/")
