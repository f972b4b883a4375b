"""RoBERTa: byte-level BPE and BERT's encoder (Liu et al., 2019, https://arxiv.org/abs/1907.11692)."""

from textgraft.backbones.families.bert import bert_modules
from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.formats.hugging_face import BERT_SIZE_KEYS, HuggingFaceFormat, SizeKey
from textgraft.backbones.formats.hugging_face_weights import MaskedHead, Module, TextHead
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import BYTE_PAIR

# Positions of a text start after the padding token's position, whose id is 1.
_PADDING_POSITIONS = 2

HUGGING_FACE = HuggingFaceFormat(
    model_types=("roberta",),
    prefixes=("roberta.",),
    size_keys={
        **BERT_SIZE_KEYS,
        "max_sequence_length": SizeKey("max_position_embeddings", excess=_PADDING_POSITIONS),
    },
    modules={
        **bert_modules("embeddings/"),
        # The only segment embedding becomes part of the positions.
        "embeddings/position_embedding": Module(
            "embeddings.position_embeddings", skipped=_PADDING_POSITIONS, added="embeddings.token_type_embeddings"
        ),
    },
    class_prefix="Roberta",
    tokenizer_class="RobertaTokenizer",
    requires={
        "position_embedding_type": ("absolute",),
        "is_decoder": (False,),
        "type_vocab_size": (1,),
        "pad_token_id": (1,),
    },
    epsilon=1e-5,
    masked_heads=(MaskedHead("lm_head.dense", "lm_head.layer_norm", "lm_head", activation="gelu"),),
    text_head=TextHead("classifier.out_proj", dense="classifier.dense", activation="tanh"),
)


class Roberta(TransformerFamily):
    """RoBERTa."""

    name = "roberta"
    network = "RobertaBackbone"
    tokenizer = BYTE_PAIR
    special = SpecialNames(start="<s>", end="</s>", pad="<pad>", unknown="<unk>", mask="<mask>", separators=2)
    formats = (HUGGING_FACE,)
