"""ELECTRA: BERT's encoder with narrower embeddings (Clark et al., 2020, https://arxiv.org/abs/2003.10555)."""

from textgraft.backbones.families.bert import bert_modules
from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.formats.hugging_face import BERT_SIZE_KEYS, HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import MaskedHead, TextHead
from textgraft.storage.schema import Integer, Object
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import WORD_PIECE

_HEAD = "generator_predictions"


class Electra(TransformerFamily):
    """ELECTRA, discriminator or generator."""

    name = "electra"
    network = "ElectraBackbone"
    tokenizer = WORD_PIECE
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="[PAD]", unknown="[UNK]", mask="[MASK]")
    vocabulary_argument = "vocab_size"
    width_arguments = ("hidden_dim", "embedding_dim")
    extra_sizes = Object({"embedding_dim": Integer(1), "num_segments": Integer(1)})
    formats = (
        HuggingFaceFormat(
            model_types=("electra",),
            prefixes=("electra.",),
            size_keys={
                **{name: key for name, key in BERT_SIZE_KEYS.items() if name != "vocabulary_size"},
                "vocab_size": "vocab_size",
                "embedding_dim": "embedding_size",
                "num_segments": "type_vocab_size",
            },
            modules={**bert_modules(), "embeddings_projection": "embeddings_project"},
            class_prefix="Electra",
            tokenizer_class="ElectraTokenizer",
            requires={"position_embedding_type": ("absolute",), "is_decoder": (False,)},
            masked_heads=(MaskedHead(f"{_HEAD}.dense", f"{_HEAD}.LayerNorm", "generator_lm_head", activation="gelu"),),
            text_head=TextHead("classifier.out_proj", dense="classifier.dense", activation="gelu"),
        ),
    )
