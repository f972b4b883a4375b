"""BERT: WordPiece and the weights of a KerasHub encoder."""

from collections.abc import Mapping
from typing import Any

from textgraft.model_folder.backbones.transformer import Shapes, TransformerLayout, encoder, fields, table
from textgraft.storage.schema import integer
from textgraft.tokenizers.files import WORD_PIECE


class BertLayout(TransformerLayout):
    """BERT's part of a model folder."""

    tokenizer = WORD_PIECE
    fields = fields(WORD_PIECE, vocabulary_size=integer(1), num_segments=integer(1))

    @classmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Shapes:
        """Embeddings, then layer by layer."""
        sizes = config["network"]
        yield from encoder(sizes)
        yield from table("segment_embedding", sizes["num_segments"], sizes["hidden_dim"])
