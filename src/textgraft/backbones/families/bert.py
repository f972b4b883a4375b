"""BERT: WordPiece and a bidirectional transformer encoder (Devlin et al., 2018, https://arxiv.org/abs/1810.04805)."""

from pathlib import Path

from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.formats.hub_encoder import HubEncoder
from textgraft.backbones.formats.hugging_face import BERT_SIZE_KEYS, HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import MaskedHead, Module, TextHead
from textgraft.backbones.formats.keras2_bert import Keras2Bert
from textgraft.backbones.formats.original_bert import OriginalBert
from textgraft.storage.schema import Integer, Object
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import WORD_PIECE, uses_sentence_piece

BERT_HEAD = MaskedHead("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions")


def bert_modules(embeddings: str = "") -> dict[str, str | Module]:
    """Module of each layer in BERT and its followers; `embeddings` is KerasHub's prefix of two embedding layers."""
    layer, module = "transformer_layer_{}", "encoder.layer.{}"
    return {
        f"{embeddings}token_embedding": "embeddings.word_embeddings",
        f"{embeddings}position_embedding": "embeddings.position_embeddings",
        "segment_embedding": "embeddings.token_type_embeddings",
        "embeddings_layer_norm": "embeddings.LayerNorm",
        f"{layer}/self_attention_layer/query": f"{module}.attention.self.query",
        f"{layer}/self_attention_layer/key": f"{module}.attention.self.key",
        f"{layer}/self_attention_layer/value": f"{module}.attention.self.value",
        f"{layer}/self_attention_layer/attention_output": f"{module}.attention.output.dense",
        f"{layer}/self_attention_layer_norm": f"{module}.attention.output.LayerNorm",
        f"{layer}/feedforward_intermediate_dense": f"{module}.intermediate.dense",
        f"{layer}/feedforward_output_dense": f"{module}.output.dense",
        f"{layer}/feedforward_layer_norm": f"{module}.output.LayerNorm",
    }


BERT_FORMAT = HuggingFaceFormat(
    model_types=("bert",),
    prefixes=("bert.",),
    size_keys={**BERT_SIZE_KEYS, "num_segments": "type_vocab_size"},
    modules=bert_modules(),
    class_prefix="Bert",
    tokenizer_class="BertTokenizer",
    requires={"position_embedding_type": ("absolute",), "is_decoder": (False,)},
    masked_heads=(BERT_HEAD,),
    text_head=TextHead("classifier", dense="bert.pooler.dense", activation="tanh"),
)


class Bert(TransformerFamily):
    """BERT, cased or uncased."""

    name = "bert"
    network = "BertBackbone"
    tokenizer = WORD_PIECE
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="[PAD]", unknown="[UNK]", mask="[MASK]")
    extra_sizes = Object({"num_segments": Integer(1)})
    formats = (
        BERT_FORMAT,
        OriginalBert(**vars(BERT_FORMAT)),
        HubEncoder(**vars(BERT_FORMAT)),
        Keras2Bert(**vars(BERT_FORMAT)),
    )

    def reads(self, path: Path) -> bool:
        return super().reads(path) and not uses_sentence_piece(path)
