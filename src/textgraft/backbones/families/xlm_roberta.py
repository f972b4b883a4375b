"""XLM-RoBERTa: RoBERTa for a hundred languages, on SentencePiece (Conneau et al., 2019, https://arxiv.org/abs/1911.02116)."""

import keras_hub

from textgraft.backbones.formats.hugging_face import HuggingFace
from textgraft.backbones.formats.hugging_face_names import (
    ROBERTA_HEAD,
    ROBERTA_REQUIRES,
    roberta_modules,
    roberta_sizes,
)
from textgraft.backbones.formats.keras_hub_preset import KerasHubPreset
from textgraft.backbones.transformer import Transformer
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.sentence_piece import SentencePieceTokenizer


class XlmRoberta(Transformer):
    """XLM-RoBERTa."""

    family = "xlm_roberta"
    network_class = keras_hub.models.XLMRobertaBackbone
    tokenizer_class = SentencePieceTokenizer
    special = SpecialNames(start="<s>", end="</s>", pad="<pad>", unknown="<unk>", mask="<mask>", separators=2)
    formats = (
        HuggingFace(
            model_types=("xlm-roberta",),
            prefixes=("roberta.",),
            sizes_by=roberta_sizes(),
            modules=roberta_modules(),
            requires=ROBERTA_REQUIRES,
            epsilon=1e-5,
            masked_heads=(ROBERTA_HEAD,),
        ),
        KerasHubPreset("XLMRobertaBackbone"),
    )
