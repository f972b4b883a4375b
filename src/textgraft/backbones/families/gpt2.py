"""GPT-2: byte-level BPE and a causal transformer decoder (Radford et al., 2019).

https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
"""

import keras_hub

from textgraft.backbones.formats.hugging_face import HuggingFace
from textgraft.backbones.formats.hugging_face_names import GPT2_SIZES, gpt2_modules
from textgraft.backbones.formats.keras_hub_preset import KerasHubPreset
from textgraft.backbones.transformer import Decoder
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.byte_pair import BytePairTokenizer


class Gpt2(Decoder):
    """GPT-2 as an encoder: only the last token has seen the whole text."""

    family = "gpt2"
    network_class = keras_hub.models.GPT2Backbone
    causal_class = keras_hub.models.GPT2CausalLM
    tokenizer_class = BytePairTokenizer
    special = SpecialNames(
        start=None, end=None, pad="<|endoftext|>", unknown="<|endoftext|>", end_of_text="<|endoftext|>"
    )
    formats = (
        HuggingFace(
            model_types=("gpt2",),
            prefixes=("transformer.",),
            sizes_by=GPT2_SIZES,
            modules=gpt2_modules(),
            requires={
                "scale_attn_weights": (True,),
                "scale_attn_by_inverse_layer_idx": (False,),
                "add_cross_attention": (False,),
                "tie_word_embeddings": (True,),
            },
            activation_key="activation_function",
            activation="gelu_new",
            epsilon_key="layer_norm_epsilon",
            epsilon=1e-5,
            harmless=(r"h\.\d+\.attn\.(masked_)?bias$",),
        ),
        KerasHubPreset("GPT2Backbone"),
    )
