"""XLM-RoBERTa: RoBERTa for 100 languages with SentencePiece (Conneau et al., 2019, https://arxiv.org/abs/1911.02116)."""

from dataclasses import replace

from textgraft.backbones.families.roberta import HUGGING_FACE, Roberta
from textgraft.backbones.family import TransformerFamily
from textgraft.tokenizers.files import SENTENCE_PIECE

XLM_ROBERTA_TOKENIZER = "XLMRobertaTokenizer"  # the name of its class in transformers


class XlmRoberta(TransformerFamily):
    """XLM-RoBERTa."""

    name = "xlm_roberta"
    network = "XLMRobertaBackbone"
    tokenizer = SENTENCE_PIECE
    special = replace(Roberta.special, segments=False)
    formats = (
        replace(
            HUGGING_FACE,
            model_types=("xlm-roberta",),
            class_prefix="XLMRoberta",
            tokenizer_class=XLM_ROBERTA_TOKENIZER,
        ),
    )
