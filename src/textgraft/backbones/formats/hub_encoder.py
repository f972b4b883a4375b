"""TF-Hub's BERT encoders from Model Garden: a SavedModel from token ids to token vectors, with its vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from textgraft import protobuf
from textgraft.backbones.format import LayerConfig
from textgraft.backbones.formats.hugging_face import HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import Tensors
from textgraft.backbones.model_garden import ACTIVATION, hugging_face_name, read_sizes
from textgraft.backbones.tensorflow_files import (
    Checkpoint,
    CheckpointTensors,
    is_hub_encoder,
    load_saved_model,
    read_released_tokenizer,
)
from textgraft.errors import PresetError
from textgraft.tokenizers.base import SpecialNames, Tokenizer

if TYPE_CHECKING:
    import keras

_VOCABULARY = "assets/vocab.txt"
_LOWERCASE = "do_lower_case/.ATTRIBUTES/VARIABLE_VALUE"
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"

# Fields of tensorflow/core/protobuf/trackable_object_graph.proto.
_NODE, _ATTRIBUTE, _FULL_NAME, _KEY = 1, 2, 2, 3

# Ids that every vocabulary has, and the tolerated relative distance of their vectors from the module's.
_TEST_IDS = np.array([[2, 0, 1, 3], [3, 1, 2, 0]], np.int32)
_TOLERANCE = {"float32": 2e-4, "bfloat16": 0.1}


class HubEncoder(HuggingFaceFormat):
    """A module; its weights are read from its checkpoint, and the resulting vectors must equal the module's own."""

    def open_tensors(self, folder: Path) -> AbstractContextManager[Tensors]:
        return nullcontext(_open(folder))

    def reads(self, folder: Path) -> bool:
        return is_hub_encoder(folder)

    def read_sizes(self, folder: Path) -> dict[str, Any]:
        return read_sizes(_open(folder))

    def read_layer_config(self, folder: Path, network: keras.Model) -> LayerConfig:
        return LayerConfig(ACTIVATION, self.epsilon)

    def load_weights(self, folder: Path, network: keras.Model) -> None:
        """Read the checkpoint; then run the module, which is a program, to compare the vectors."""
        super().load_weights(folder, network)
        _require_equal_vectors(folder, network)

    def read_tokenizer(self, folder: Path, tokenizer_class: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        if not (folder / _VOCABULARY).is_file():
            raise PresetError(
                f"{folder} lacks {_VOCABULARY}; copy the vocab.txt of the module that preprocesses its texts there"
            )
        checkpoint = _checkpoint(folder)
        lowercase = bool(checkpoint[_LOWERCASE]) if _LOWERCASE in checkpoint.shapes else None
        return read_released_tokenizer((folder / _VOCABULARY).parent, tokenizer_class, special, lowercase)


def _open(folder: Path) -> CheckpointTensors:
    checkpoint = _checkpoint(folder)
    keys = {name: key for name, key in _checkpoint_keys(checkpoint[_OBJECTS]).items() if key != _LOWERCASE}
    return CheckpointTensors(checkpoint, keys, hugging_face_name)


def _checkpoint(folder: Path) -> Checkpoint:
    return Checkpoint(folder / "variables" / "variables")


def _checkpoint_keys(object_graph: bytes) -> Mapping[str, str]:
    """Key of each variable in the checkpoint by the variable's full name."""
    keys = {}
    for node in protobuf.messages(object_graph, _NODE):
        for attribute in protobuf.messages(node, _ATTRIBUTE):
            (name,), (key,) = protobuf.messages(attribute, _FULL_NAME) or [b""], protobuf.messages(attribute, _KEY)
            keys[name.decode()] = key.decode()
    return keys


def _require_equal_vectors(folder: Path, network: keras.Model) -> None:
    """Raise a PresetError unless the network's vectors equal the module's."""
    mask = np.array([[1, 1, 1, 1], [1, 1, 1, 0]], np.int32)
    module = load_saved_model(folder)
    try:
        inputs = {"input_word_ids": _TEST_IDS, "input_mask": mask, "input_type_ids": mask * 0}
        expected = np.asarray(module(inputs)["sequence_output"])
    except (KeyError, TypeError, ValueError) as error:
        raise PresetError(f"{folder} is not a BERT encoder of TF-Hub: its inputs or outputs differ") from error
    vectors = network({"token_ids": _TEST_IDS, "padding_mask": mask, "segment_ids": mask * 0})["sequence_output"]
    difference = (np.asarray(vectors, np.float32) - expected)[mask == 1]
    distance = np.linalg.norm(difference) / np.linalg.norm(expected[mask == 1])
    if not distance < _TOLERANCE[network.dtype_policy.compute_dtype]:
        raise PresetError(f"{folder}: its vectors are not those of BERT with its weights; not supported")
