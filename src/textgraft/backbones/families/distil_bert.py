"""DistilBERT: BERT with half the layers and no segments (Sanh et al., 2019, https://arxiv.org/abs/1910.01108)."""

from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.formats.hugging_face import HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import MaskedHead, TextHead
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import WORD_PIECE

_EMBEDDING, _LAYER, _MODULE = "token_and_position_embedding", "transformer_layer_{}", "transformer.layer.{}"


class DistilBert(TransformerFamily):
    """DistilBERT, cased or uncased."""

    name = "distil_bert"
    network = "DistilBertBackbone"
    tokenizer = WORD_PIECE
    special = SpecialNames(start="[CLS]", end="[SEP]", pad="[PAD]", unknown="[UNK]", mask="[MASK]")
    formats = (
        HuggingFaceFormat(
            model_types=("distilbert",),
            prefixes=("distilbert.",),
            size_keys={
                "vocabulary_size": "vocab_size",
                "num_layers": "n_layers",
                "num_heads": "n_heads",
                "hidden_dim": "dim",
                "intermediate_dim": "hidden_dim",
                "dropout": "dropout",
                "max_sequence_length": "max_position_embeddings",
            },
            modules={
                f"{_EMBEDDING}/token_embedding": "embeddings.word_embeddings",
                f"{_EMBEDDING}/position_embedding": "embeddings.position_embeddings",
                "embeddings_layer_norm": "embeddings.LayerNorm",
                f"{_LAYER}/self_attention_layer/query": f"{_MODULE}.attention.q_lin",
                f"{_LAYER}/self_attention_layer/key": f"{_MODULE}.attention.k_lin",
                f"{_LAYER}/self_attention_layer/value": f"{_MODULE}.attention.v_lin",
                f"{_LAYER}/self_attention_layer/attention_output": f"{_MODULE}.attention.out_lin",
                f"{_LAYER}/self_attention_layer_norm": f"{_MODULE}.sa_layer_norm",
                f"{_LAYER}/feedforward_intermediate_dense": f"{_MODULE}.ffn.lin1",
                f"{_LAYER}/feedforward_output_dense": f"{_MODULE}.ffn.lin2",
                f"{_LAYER}/feedforward_layer_norm": f"{_MODULE}.output_layer_norm",
            },
            class_prefix="DistilBert",
            tokenizer_class="DistilBertTokenizer",
            activation_key="activation",
            masked_heads=(MaskedHead("vocab_transform", "vocab_layer_norm", "vocab_projector"),),
            text_head=TextHead("classifier", dense="pre_classifier", activation="relu"),
        ),
    )
