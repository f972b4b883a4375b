"""BERT: WordPiece and a bidirectional transformer encoder (Devlin et al., 2018, https://arxiv.org/abs/1810.04805)."""

import keras_hub

from textgraft.backbones.formats.hub_encoder import HubEncoder
from textgraft.backbones.formats.hugging_face import HuggingFace
from textgraft.backbones.formats.hugging_face_names import BERT_HEAD, BERT_SIZES, bert_modules
from textgraft.backbones.formats.keras_hub_preset import KerasHubPreset
from textgraft.backbones.formats.original_bert import OriginalBert
from textgraft.backbones.transformer import Transformer
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.word_piece import WordPieceTokenizer

_HUGGING_FACE = HuggingFace(
    model_types=("bert",),
    prefixes=("bert.",),
    sizes_by={**BERT_SIZES, "num_segments": "type_vocab_size"},
    modules=bert_modules(),
    requires={"position_embedding_type": ("absolute",), "is_decoder": (False,)},
    masked_heads=(BERT_HEAD,),
)


class Bert(Transformer):
    """BERT, cased or uncased."""

    family = "bert"
    network_class = keras_hub.models.BertBackbone
    tokenizer_class = WordPieceTokenizer
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="[PAD]", unknown="[UNK]", mask="[MASK]")
    formats = (_HUGGING_FACE, KerasHubPreset("BertBackbone"), OriginalBert(_HUGGING_FACE), HubEncoder(_HUGGING_FACE))
