"""ELECTRA: BERT's encoder over narrower embeddings (Clark et al., 2020, https://arxiv.org/abs/2003.10555)."""

import keras_hub

from textgraft.backbones.formats.hugging_face import HuggingFace
from textgraft.backbones.formats.hugging_face_names import BERT_SIZES, MaskedHead, bert_modules
from textgraft.backbones.formats.keras_hub_preset import KerasHubPreset
from textgraft.backbones.transformer import Transformer
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.word_piece import WordPieceTokenizer

_HEAD = "generator_predictions"


class Electra(Transformer):
    """ELECTRA, discriminator or generator."""

    family = "electra"
    network_class = keras_hub.models.ElectraBackbone
    tokenizer_class = WordPieceTokenizer
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="[PAD]", unknown="[UNK]", mask="[MASK]")
    vocabulary_argument = "vocab_size"
    width_arguments = ("hidden_dim", "embedding_dim")
    formats = (
        HuggingFace(
            model_types=("electra",),
            prefixes=("electra.",),
            sizes_by={
                **{name: key for name, key in BERT_SIZES.items() if name != "vocabulary_size"},
                "vocab_size": "vocab_size",
                "embedding_dim": "embedding_size",
                "num_segments": "type_vocab_size",
            },
            modules={**bert_modules(), "embeddings_projection": "embeddings_project"},
            requires={"position_embedding_type": ("absolute",), "is_decoder": (False,)},
            masked_heads=(MaskedHead(f"{_HEAD}.dense", f"{_HEAD}.LayerNorm", "generator_lm_head", activation="gelu"),),
        ),
        KerasHubPreset("ElectraBackbone"),
    )
