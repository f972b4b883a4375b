"""GPT-2: byte-level BPE and a causal transformer decoder (Radford et al., 2019).

https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf
"""

from textgraft.backbones.family import TransformerFamily
from textgraft.backbones.formats.hugging_face import HuggingFaceFormat, SizeKey
from textgraft.backbones.formats.hugging_face_weights import Module, TextHead
from textgraft.tokenizers.base import SpecialNames
from textgraft.tokenizers.files import BYTE_PAIR

_LAYER, _ATTENTION = "transformer_layer_{}", "transformer_layer_{}/self_attention"


class Gpt2(TransformerFamily):
    """GPT-2; as an encoder, only the last token's vector depends on the whole text."""

    name = "gpt2"
    network = "GPT2Backbone"
    causal_network = "GPT2CausalLM"
    tokenizer = BYTE_PAIR
    special = SpecialNames(
        start=None, end=None, pad="<|endoftext|>", unknown="<|endoftext|>", end_of_text="<|endoftext|>"
    )
    formats = (
        HuggingFaceFormat(
            model_types=("gpt2",),
            prefixes=("transformer.",),
            size_keys={
                "vocabulary_size": "vocab_size",
                "num_layers": "n_layer",
                "num_heads": "n_head",
                "hidden_dim": "n_embd",
                "intermediate_dim": SizeKey("n_inner", multiple=(4, "n_embd")),
                "dropout": "resid_pdrop",
                "max_sequence_length": "n_positions",
            },
            # Matrices are (input, output); those of query, key and value are side by side.
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
            class_prefix="GPT2",
            tokenizer_class="GPT2Tokenizer",
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
            text_head=TextHead("score", pooling="last", normalization="transformer.ln_f"),
            ignored=(r"h\.\d+\.attn\.(masked_)?bias$",),
        ),
    )
