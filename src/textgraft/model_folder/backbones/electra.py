"""ELECTRA: WordPiece and the weights of a KerasHub encoder."""

from collections.abc import Mapping
from typing import Any

from textgraft.model_folder.backbones.transformer import Shapes, TransformerLayout, dense, encoder, fields, table
from textgraft.storage.schema import integer
from textgraft.tokenizers.files import WORD_PIECE


class ElectraLayout(TransformerLayout):
    """ELECTRA's part of a model folder."""

    tokenizer = WORD_PIECE
    vocabulary_argument = "vocab_size"
    fields = fields(WORD_PIECE, vocab_size=integer(1), embedding_dim=integer(1), num_segments=integer(1))

    @classmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Shapes:
        """Embeddings, then layer by layer."""
        sizes = config["network"]
        narrow, width = sizes["embedding_dim"], sizes["hidden_dim"]
        yield from encoder(sizes, narrow=narrow)
        yield from table("segment_embedding", sizes["num_segments"], narrow)
        if narrow != width:
            yield from dense("embeddings_projection", (narrow,), (width,))
