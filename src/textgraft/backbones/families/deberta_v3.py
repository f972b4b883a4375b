"""DeBERTa v3: separate attention to contents and relative positions (He et al., 2021, https://arxiv.org/abs/2111.09543)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textgraft.backbones.families.bert import BERT_HEAD
from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.formats.hugging_face import BERT_SIZE_KEYS, HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import MaskedHead, TextHead
from textgraft.storage.schema import Integer, Object
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import SENTENCE_PIECE

if TYPE_CHECKING:
    import keras

_LAYER, _MODULE = "disentangled_attention_encoder_layer_{}", "encoder.layer.{}"
_HEAD = "lm_predictions.lm_head"


class DebertaV3(TransformerFamily):
    """DeBERTa v3."""

    name = "deberta_v3"
    network = "DebertaV3Backbone"
    tokenizer = SENTENCE_PIECE
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="[PAD]", unknown="[UNK]", mask="[MASK]")
    extra_sizes = Object({"bucket_size": Integer(1)})
    formats = (
        HuggingFaceFormat(
            model_types=("deberta-v2",),
            prefixes=("deberta.",),
            size_keys={**BERT_SIZE_KEYS, "bucket_size": "position_buckets"},
            modules={
                "token_embedding": "embeddings.word_embeddings",
                "embeddings_layer_norm": "embeddings.LayerNorm",
                "rel_embedding": "encoder.rel_embeddings",
                "rel_embedding/rel_embeddings_layer_norm": "encoder.LayerNorm",
                f"{_LAYER}/self_attention_layer/query": f"{_MODULE}.attention.self.query_proj",
                f"{_LAYER}/self_attention_layer/key": f"{_MODULE}.attention.self.key_proj",
                f"{_LAYER}/self_attention_layer/value": f"{_MODULE}.attention.self.value_proj",
                f"{_LAYER}/self_attention_layer/attention_output": f"{_MODULE}.attention.output.dense",
                f"{_LAYER}/self_attention_layer_norm": f"{_MODULE}.attention.output.LayerNorm",
                f"{_LAYER}/feedforward_intermediate_dense": f"{_MODULE}.intermediate.dense",
                f"{_LAYER}/feedforward_output_dense": f"{_MODULE}.output.dense",
                f"{_LAYER}/feedforward_layer_norm": f"{_MODULE}.output.LayerNorm",
            },
            class_prefix="DebertaV2",
            tokenizer_class="DebertaV2Tokenizer",
            requires={
                "relative_attention": (True,),
                "pos_att_type": (["p2c", "c2p"], "p2c|c2p", ["c2p", "p2c"], "c2p|p2c"),
                "share_att_key": (True,),
                "norm_rel_ebd": ("layer_norm",),
                "position_biased_input": (False,),
                "type_vocab_size": (0,),
                "conv_kernel_size": (0,),
            },
            epsilon=1e-7,
            ignored=(r"pooler\.", r"embeddings\.position_(ids|embeddings)"),
            masked_heads=(MaskedHead(f"{_HEAD}.dense", f"{_HEAD}.LayerNorm", _HEAD), BERT_HEAD),
            text_head=TextHead(
                "classifier", dense="pooler.dense", activation="gelu", activation_key="pooler_hidden_act"
            ),
        ),
    )

    def weight_shapes(self, config: Mapping[str, Any]) -> Mapping[str, tuple[int, ...]]:
        network = config["network"]
        return {
            **super().weight_shapes(config),
            "rel_embedding/rel_embedding": (2 * network["bucket_size"], network["hidden_dim"]),
        }

    def block_arguments(self, encoder: keras.Model, vectors: keras.KerasTensor) -> dict[str, Any]:
        return {"rel_embeddings": encoder.relative_embeddings(vectors)}
