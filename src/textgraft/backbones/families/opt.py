"""OPT: byte-level BPE and a causal transformer decoder (Zhang et al., 2022, https://arxiv.org/abs/2205.01068)."""

from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.formats.hugging_face import BERT_SIZE_KEYS, HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import Module, TextHead
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import BYTE_PAIR

_LAYER, _ATTENTION, _MODULE = "transformer_layer_{}", "transformer_layer_{}/self_attention", "layers.{}"


class Opt(TransformerFamily):
    """OPT; as an encoder, only the last token's vector depends on the whole text."""

    name = "opt"
    network = "OPTBackbone"
    causal_network = "OPTCausalLM"
    tokenizer = BYTE_PAIR
    special = SpecialNames(start="</s>", end=None, pad="<pad>", unknown="</s>", end_of_text="</s>")
    formats = (
        HuggingFaceFormat(
            model_types=("opt",),
            prefixes=("model.decoder.", "decoder."),
            size_keys={**BERT_SIZE_KEYS, "intermediate_dim": "ffn_dim", "dropout": "dropout"},
            modules={
                "embeddings/token_embedding": "embed_tokens",
                "embeddings/position_embedding": Module("embed_positions", skipped=2),
                f"{_LAYER}/self_attention_layer_norm": f"{_MODULE}.self_attn_layer_norm",
                f"{_ATTENTION}/query": f"{_MODULE}.self_attn.q_proj",
                f"{_ATTENTION}/key": f"{_MODULE}.self_attn.k_proj",
                f"{_ATTENTION}/value": f"{_MODULE}.self_attn.v_proj",
                f"{_ATTENTION}/attention_output": f"{_MODULE}.self_attn.out_proj",
                f"{_LAYER}/feedforward_layer_norm": f"{_MODULE}.final_layer_norm",
                f"{_LAYER}/feedforward_intermediate_dense": f"{_MODULE}.fc1",
                f"{_LAYER}/feedforward_output_dense": f"{_MODULE}.fc2",
                "layer_norm": "final_layer_norm",
            },
            class_prefix="OPT",
            tokenizer_class="GPT2Tokenizer",
            requires={
                "activation_function": ("relu",),
                "do_layer_norm_before": (True,),
                "enable_bias": (True,),
                "layer_norm_elementwise_affine": (True,),
                "_remove_final_layer_norm": (False,),
                "tie_word_embeddings": (True,),
            },
            activation_key="activation_function",
            activation="relu",
            epsilon=1e-5,
            text_head=TextHead("score", pooling="last", normalization="model.decoder.final_layer_norm"),
            tag_head="",
        ),
    )
