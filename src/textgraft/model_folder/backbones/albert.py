"""ALBERT: SentencePiece and the weights of a KerasHub encoder."""

from collections.abc import Mapping
from typing import Any

from textgraft.model_folder.backbones.transformer import (
    MOST_LAYERS,
    Shapes,
    TransformerLayout,
    block,
    dense,
    fields,
    norm,
    table,
)
from textgraft.storage.schema import integer
from textgraft.tokenizers.files import SENTENCE_PIECE


class AlbertLayout(TransformerLayout):
    """ALBERT's part of a model folder."""

    tokenizer = SENTENCE_PIECE
    fields = fields(
        SENTENCE_PIECE,
        vocabulary_size=integer(1),
        embedding_dim=integer(1),
        num_groups=integer(1),
        num_inner_repetitions=integer(1, MOST_LAYERS),
        num_segments=integer(1),
    )

    @classmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Shapes:
        """Embeddings, then layer by layer."""
        sizes = config["network"]
        width = sizes["hidden_dim"]
        narrow = sizes["embedding_dim"]
        yield from table("token_embedding", sizes["vocabulary_size"], narrow)
        yield from table("position_embedding", sizes["max_sequence_length"], narrow)
        yield from table("segment_embedding", sizes["num_segments"], narrow)
        yield from norm("embeddings_layer_norm", narrow)
        yield from dense("embedding_projection", (narrow,), (width,))
        for group in range(sizes["num_groups"]):
            for number in range(sizes["num_inner_repetitions"]):
                yield from block(f"group_{group}_inner_layer_{number}", sizes)
