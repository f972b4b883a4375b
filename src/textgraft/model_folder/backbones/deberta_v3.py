"""DeBERTa v3: SentencePiece and the weights of a KerasHub encoder."""

from collections.abc import Mapping
from typing import Any

from textgraft.model_folder.backbones.transformer import Shapes, TransformerLayout, block, fields, norm, table
from textgraft.storage.schema import integer
from textgraft.tokenizers.files import SENTENCE_PIECE


class DebertaV3Layout(TransformerLayout):
    """DeBERTa v3's part of a model folder."""

    tokenizer = SENTENCE_PIECE
    padded_vocabulary = True
    fields = fields(SENTENCE_PIECE, vocabulary_size=integer(1), bucket_size=integer(1))

    @classmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Shapes:
        """Embeddings, then layer by layer."""
        sizes = config["network"]
        width = sizes["hidden_dim"]
        yield from table("token_embedding", sizes["vocabulary_size"], width)
        yield from norm("embeddings_layer_norm", width)
        yield "rel_embedding/rel_embedding", (2 * sizes["bucket_size"], width)
        yield from norm("rel_embedding/rel_embeddings_layer_norm", width)
        for number in range(sizes["num_layers"]):
            yield from block(f"disentangled_attention_encoder_layer_{number}", sizes, joined=True)
