"""ALBERT: shared block weights and factorized embeddings (Lan et al., 2019, https://arxiv.org/abs/1909.11942)."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from textgraft.backbones.family import MAX_LAYERS, TransformerFamily
from textgraft.backbones.formats.hugging_face import BERT_SIZE_KEYS, HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import MaskedHead, TextHead
from textgraft.errors import ModelFolderError, counted
from textgraft.storage.schema import Integer, Object
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import LOWERCASING_SENTENCE_PIECE

_LAYER = "group_{}_inner_layer_{}"
_MODULE = "encoder.albert_layer_groups.{}.albert_layers.{}"


class Albert(TransformerFamily):
    """ALBERT."""

    name = "albert"
    network = "AlbertBackbone"
    tokenizer = LOWERCASING_SENTENCE_PIECE
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="<pad>", unknown="<unk>", mask="[MASK]")
    extra_sizes = Object(
        {
            "embedding_dim": Integer(1),
            "num_groups": Integer(1, MAX_LAYERS),
            "num_inner_repetitions": Integer(1, MAX_LAYERS),
            "num_segments": Integer(1),
        }
    )
    block_counts = ("num_groups", "num_inner_repetitions")
    formats = (
        HuggingFaceFormat(
            model_types=("albert",),
            prefixes=("albert.",),
            size_keys={
                **BERT_SIZE_KEYS,
                "embedding_dim": "embedding_size",
                "num_groups": "num_hidden_groups",
                "num_inner_repetitions": "inner_group_num",
                "num_segments": "type_vocab_size",
            },
            modules={
                "token_embedding": "embeddings.word_embeddings",
                "position_embedding": "embeddings.position_embeddings",
                "segment_embedding": "embeddings.token_type_embeddings",
                "embeddings_layer_norm": "embeddings.LayerNorm",
                "embedding_projection": "encoder.embedding_hidden_mapping_in",
                f"{_LAYER}/self_attention_layer/query": f"{_MODULE}.attention.query",
                f"{_LAYER}/self_attention_layer/key": f"{_MODULE}.attention.key",
                f"{_LAYER}/self_attention_layer/value": f"{_MODULE}.attention.value",
                f"{_LAYER}/self_attention_layer/attention_output": f"{_MODULE}.attention.dense",
                f"{_LAYER}/self_attention_layer_norm": f"{_MODULE}.attention.LayerNorm",
                f"{_LAYER}/feedforward_intermediate_dense": f"{_MODULE}.ffn",
                f"{_LAYER}/feedforward_output_dense": f"{_MODULE}.ffn_output",
                f"{_LAYER}/feedforward_layer_norm": f"{_MODULE}.full_layer_layer_norm",
            },
            requires={"position_embedding_type": ("absolute",)},
            class_prefix="Albert",
            tokenizer_class="AlbertTokenizer",
            activation="gelu_new",
            dropout=0.0,
            masked_heads=(MaskedHead("predictions.dense", "predictions.LayerNorm", "predictions"),),
            text_head=TextHead("classifier", dense="albert.pooler", activation="tanh"),
        ),
    )

    def check_files(self, config: Mapping[str, Any], folder: Path, tensors: Collection[str]) -> None:
        super().check_files(config, folder, tensors)
        network = config["network"]
        layers, groups, repetitions = (network[n] for n in ("num_layers", "num_groups", "num_inner_repetitions"))
        if layers % groups or layers * repetitions > MAX_LAYERS:
            raise ModelFolderError(
                f"{folder}: config.json describes {layers:,} layers of {counted(groups, 'group')}, each applied "
                f"{repetitions:,} times; layers must be a multiple of groups, and all at most {MAX_LAYERS}; copy the "
                "model folder again"
            )
