"""BERT's network with XLM-RoBERTa's tokenizer: small multilingual encoders, such as multilingual-e5-small.

Wang et al., 2020, https://arxiv.org/abs/2002.10957 (its students of XLM-RoBERTa)
"""

from dataclasses import replace
from pathlib import Path

from textgraft.backbones.families.bert import BERT_FORMAT, Bert
from textgraft.backbones.families.xlm_roberta import XLM_ROBERTA_TOKENIZER, XlmRoberta
from textgraft.backbones.family import TransformerFamily
from textgraft.tokenizers.files import SENTENCE_PIECE, uses_sentence_piece


class BertSentencePiece(TransformerFamily):
    """BERT with SentencePiece."""

    name = "bert_sentence_piece"
    network = Bert.network
    tokenizer = SENTENCE_PIECE
    special = XlmRoberta.special
    extra_sizes = Bert.extra_sizes
    formats = (replace(BERT_FORMAT, tokenizer_class=XLM_ROBERTA_TOKENIZER),)
    preset_names = ("multilingual_e5_small",)

    def reads(self, path: Path) -> bool:
        return super().reads(path) and uses_sentence_piece(path)
