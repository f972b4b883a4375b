"""OPT: byte-level BPE and the weights of a KerasHub decoder."""

from collections.abc import Mapping
from typing import Any

from textgraft.model_folder.backbones.transformer import Shapes, TransformerLayout, decoder, fields
from textgraft.storage.schema import integer
from textgraft.tokenizers.files import BYTE_PAIR


class OptLayout(TransformerLayout):
    """OPT's part of a model folder."""

    tokenizer = BYTE_PAIR
    padded_vocabulary = True
    fields = fields(BYTE_PAIR, vocabulary_size=integer(1))

    @classmethod
    def weight_shapes(cls, config: Mapping[str, Any]) -> Shapes:
        """Embeddings, then layer by layer."""
        yield from decoder(config["network"], "embeddings/")
