"""BERT of TensorFlow's Model Garden, from which TF-Hub's encoders come: names of its variables, and its sizes."""

import re
from typing import Any

from textgraft.backbones.tensorflow_files import CheckpointTensors

# How it computes GELU: by tanh.
ACTIVATION = "gelu_approximate"

# Patterns of variable names and their Hugging Face replacements, in order of application.
_RENAMES = (
    (r"^bert/cls/predictions/output_bias/", "cls/predictions/"),
    (r"^bert/cls/", "cls/"),
    (r"^word_embeddings/embeddings", "bert/embeddings/word_embeddings/weight"),
    (r"^position_embedding/embeddings", "bert/embeddings/position_embeddings/weight"),
    (r"^type_embeddings/embeddings", "bert/embeddings/token_type_embeddings/weight"),
    (r"^embeddings/layer_norm/", "bert/embeddings/LayerNorm/"),
    (r"^pooler_transform/", "bert/pooler/dense/"),
    (r"^transformer/layer_(\d+)/", r"bert/encoder/layer/\1/"),
    (r"/self_attention/attention_output/", "/attention/output/dense/"),
    (r"/self_attention/", "/attention/self/"),
    (r"/self_attention_layer_norm/", "/attention/output/LayerNorm/"),
    (r"/intermediate/", "/intermediate/dense/"),
    (r"(\d)/output/", r"\1/output/dense/"),
    (r"/output_layer_norm/", "/output/LayerNorm/"),
    (r"/kernel$", "/weight"),
)
_EMBEDDINGS, _LAYER = "bert.embeddings.", "bert.encoder.layer."


def hugging_face_name(variable: str) -> str:
    """transformer/layer_0/output/kernel to bert.encoder.layer.0.output.dense.weight."""
    for pattern, replacement in _RENAMES:
        variable = re.sub(pattern, replacement, variable)
    return variable.replace("/", ".")


def read_sizes(variables: CheckpointTensors) -> dict[str, Any]:
    """Sizes by the shapes of the weights; the dropout, which no file states, is BERT's.

    Raises:
        PresetError: when a variable is missing.
    """
    tokens, positions, segments = (
        variables.shape(f"{_EMBEDDINGS}{name}_embeddings.weight") for name in ("word", "position", "token_type")
    )
    return {
        "vocabulary_size": tokens[0],
        "hidden_dim": tokens[1],
        "num_layers": len({name.split(".")[3] for name in variables.names() if name.startswith(_LAYER)}),
        "num_heads": variables.shape(f"{_LAYER}0.attention.self.query.weight")[1],
        "intermediate_dim": variables.shape(f"{_LAYER}0.intermediate.dense.weight")[1],
        "max_sequence_length": positions[0],
        "num_segments": segments[0],
        "dropout": 0.1,
    }
