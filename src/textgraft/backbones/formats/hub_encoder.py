"""TF-Hub's BERT encoders, as Model Garden exported them: a SavedModel from token ids, with its vocabulary."""

import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from textgraft import protobuf
from textgraft.backbones.base import Head
from textgraft.backbones.formats.base import Format
from textgraft.backbones.formats.checkpoint import Checkpoint
from textgraft.backbones.formats.hugging_face import HuggingFace
from textgraft.backbones.hub_modules import is_encoder, opened
from textgraft.backbones.layer_config import LayerConfig
from textgraft.errors import PresetError
from textgraft.tokenizers.base import SpecialNames, Tokenizer

_VOCABULARY = "assets/vocab.txt"
_LOWERCASE = "do_lower_case/.ATTRIBUTES/VARIABLE_VALUE"
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"

# Fields of tensorflow/core/protobuf/trackable_object_graph.proto.
_NODE, _ATTRIBUTE, _FULL_NAME, _KEY = 1, 2, 2, 3

# What an exported variable is called, from the left to the right, and what that is in a Hugging Face folder.
_SPELLINGS = (
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

# Ids that every vocabulary has, and the share of their vectors' length that may be another than the module's.
_TRIED = np.array([[2, 0, 1, 3], [3, 1, 2, 0]], np.int32)
_TOLERANCE = {"float32": 2e-4, "bfloat16": 0.1}


@dataclass(frozen=True)
class HubEncoder(Format):
    """A module whose weights are read from its checkpoint, and whose vectors must be those of the module itself.

    Attributes:
        names: of the family's Hugging Face folders.
    """

    names: HuggingFace

    def reads(self, folder: Path) -> bool:
        """Whether it is a SavedModel that has a table of tokens."""
        return is_encoder(folder)

    def sizes(self, folder: Path) -> dict[str, Any]:
        """From the shapes of the weights; the exports do not say the dropout, which was BERT's."""
        variables = _Variables(folder)
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

    def computation(self, folder: Path, encoder: keras.Model) -> LayerConfig:
        """As Model Garden's BERT: GELU in its tanh form."""
        return LayerConfig("gelu_approximate", self.names.epsilon)

    def fill(self, folder: Path, encoder: keras.Model) -> None:
        """From the checkpoint; then the module, which is a program, is run to compare."""
        self.names.fill_from(_Variables(folder), encoder)
        _compare(folder, encoder)

    def heads(self, folder: Path, computation: LayerConfig) -> dict[str, Head]:
        """The one that finds hidden tokens, where it was exported too."""
        return self.names.heads_from(lambda: nullcontext(_Variables(folder)), computation)

    def tokenizer(self, folder: Path, kind: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        """The vocabulary among the module's assets."""
        if not (folder / _VOCABULARY).is_file():
            raise PresetError(
                f"{folder}: it lacks {_VOCABULARY}; copy there the vocab.txt of the module that prepares its texts"
            )
        return kind.from_original_bert(folder / _VOCABULARY, special, _Variables(folder).lowercase)


class _Variables:
    """The variables of a checkpoint under the names of a Hugging Face folder."""

    def __init__(self, folder: Path) -> None:
        self._checkpoint = Checkpoint(folder / "variables" / "variables")
        self.path = self._checkpoint.path
        self._keys = _keys(self._checkpoint[_OBJECTS])
        self._names = {_renamed(name): name for name, key in self._keys.items() if key != _LOWERCASE}

    @property
    def lowercase(self) -> bool | None:
        """Whether texts are lower-cased; None where it is not said."""
        return bool(self._checkpoint[_LOWERCASE]) if _LOWERCASE in self._checkpoint.shapes else None

    def names(self) -> set[str]:
        return set(self._names)

    def shape(self, name: str) -> list[int]:
        if name not in self._names:
            raise PresetError(f"{self.path}: {name} is missing; it is no BERT encoder that can be read")
        return self._checkpoint.shapes[self._keys[self._names[name]]]

    def __getitem__(self, name: str) -> np.ndarray:
        there = self._names[name]
        array = np.asarray(self._checkpoint[self._keys[there]], np.float32)
        if there.endswith("kernel"):
            inputs = array.ndim - 1 if "attention_output" in there else 1  # of its axes; heads have one of their own
            return array.reshape(np.prod(array.shape[:inputs], dtype=int), -1).T
        return array.ravel() if there.endswith("bias") else array


def _keys(objects: bytes) -> Mapping[str, str]:
    """Full name to key of each variable, as a checkpoint's graph of objects has them."""
    found = {}
    for node in protobuf.messages(objects, _NODE):
        for attribute in protobuf.messages(node, _ATTRIBUTE):
            (name,), (key,) = protobuf.messages(attribute, _FULL_NAME) or [b""], protobuf.messages(attribute, _KEY)
            found[name.decode()] = key.decode()
    return found


def _renamed(variable: str) -> str:
    """transformer/layer_0/output/kernel to bert.encoder.layer.0.output.dense.weight."""
    for there, here in _SPELLINGS:
        variable = re.sub(there, here, variable)
    return variable.replace("/", ".")


def _compare(folder: Path, encoder: keras.Model) -> None:
    """Refuse a module that computes something else with its weights."""
    real = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], np.int32)
    module = opened(folder)
    try:
        given = {"input_word_ids": _TRIED, "input_mask": real, "input_type_ids": real * 0}
        expected = np.asarray(module(given)["sequence_output"])
    except (KeyError, TypeError, ValueError) as error:
        raise PresetError(f"{folder} is no BERT encoder of TF-Hub's: it takes or gives other tensors") from error
    found = encoder({"token_ids": _TRIED, "padding_mask": real, "segment_ids": real * 0})["sequence_output"]
    difference = (np.asarray(found, np.float32) - expected)[real == 1]
    share = np.linalg.norm(difference) / np.linalg.norm(expected[real == 1])
    if not share < _TOLERANCE[encoder.dtype_policy.compute_dtype]:
        raise PresetError(f"{folder}: its vectors are not those of a BERT with its weights; it cannot be read")
