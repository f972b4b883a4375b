"""GPT-2: byte-level BPE and a causal transformer decoder (Radford et al., 2019).

https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
"""

import keras_hub

from textgraft.backbones.formats.hugging_face import HuggingFace, Module
from textgraft.backbones.formats.keras_hub_preset import KerasHubPreset
from textgraft.backbones.tokenizers.base import SpecialNames
from textgraft.backbones.tokenizers.byte_pair import BytePairTokenizer
from textgraft.backbones.transformer import Decoder

_LAYER, _ATTENTION = "transformer_layer_{}", "transformer_layer_{}/self_attention"


class Gpt2(Decoder):
    """GPT-2 as an encoder: only the last token has seen the whole text."""

    family = "gpt2"
    network_class = keras_hub.models.GPT2Backbone
    tokenizer_class = BytePairTokenizer
    special = SpecialNames(start=None, end=None, pad="<|endoftext|>", unknown="<|endoftext|>")
    formats = (
        HuggingFace(
            model_types=("gpt2",),
            prefixes=("transformer.",),
            sizes_by={
                "vocabulary_size": "vocab_size",
                "num_layers": "n_layer",
                "num_heads": "n_head",
                "hidden_dim": "n_embd",
                "intermediate_dim": lambda config: config.get("n_inner") or 4 * config["n_embd"],
                "dropout": "resid_pdrop",
                "max_sequence_length": "n_positions",
            },
            modules={
                "token_embedding": "wte",
                "position_embedding": "wpe",
                f"{_LAYER}/self_attention_layer_norm": "h.{}.ln_1",
                f"{_ATTENTION}/query": Module("h.{}.attn.c_attn", transposed=False, part=0),
                f"{_ATTENTION}/key": Module("h.{}.attn.c_attn", transposed=False, part=1),
                f"{_ATTENTION}/value": Module("h.{}.attn.c_attn", transposed=False, part=2),
                f"{_ATTENTION}/attention_output": Module("h.{}.attn.c_proj", transposed=False),
                f"{_LAYER}/feedforward_layer_norm": "h.{}.ln_2",
                f"{_LAYER}/feedforward_intermediate_dense": Module("h.{}.mlp.c_fc", transposed=False),
                f"{_LAYER}/feedforward_output_dense": Module("h.{}.mlp.c_proj", transposed=False),
                "layer_norm": "ln_f",
            },
            requires={
                "scale_attn_weights": (True,),
                "scale_attn_by_inverse_layer_idx": (False,),
                "add_cross_attention": (False,),
            },
            activation_key="activation_function",
            activation="gelu_new",
            epsilon_key="layer_norm_epsilon",
            epsilon=1e-5,
            harmless=(r"h\.\d+\.attn\.(masked_)?bias$",),
        ),
        KerasHubPreset("GPT2Backbone"),
    )
