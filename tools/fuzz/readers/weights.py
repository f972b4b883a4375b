"""Readers of safetensors files: the check of model folders, and the reader of pretrained weights."""

import json
import tempfile
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tools.fuzz.changes import SAFETENSORS as CHANGES
from tools.fuzz.inputs import split_input
from tools.fuzz.readers import Reader
from tools.fuzz.readers.configs import refused_as_preset
from tools.fuzz.watching import require

from textgraft.backbones.formats.hugging_face_weights import open_tensors
from textgraft.errors import ModelFolderError
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.weights_file import require_finite, tensor_shapes

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-weights-"))
_WEIGHTS, _INDEX = _FOLDER / "model.safetensors", _FOLDER / "model.safetensors.index.json"


def _read_weights(data: bytes) -> None:
    """Write an input as weights or, for JSON, as an index of their files; read it as a model folder and as a preset."""
    choices, content = split_input(data)
    _INDEX.unlink(missing_ok=True)
    if content[:1] == b"{":
        _WEIGHTS.write_bytes(_SEEDS[0])
        _INDEX.write_bytes(content)
        _read_preset_weights()
        return
    _WEIGHTS.write_bytes(content)
    if choices.rarely(2):
        _read_preset_weights()
        return
    shapes = tensor_shapes(_WEIGHTS)
    require_finite(_WEIGHTS)
    try:
        with safe_open(_WEIGHTS, framework="np") as weights:
            stored = {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelFolderError(f"refused by the library: {error}") from error  # `StoredModel.assign` does the same
    require({name: array.shape for name, array in stored.items()} == shapes, "shapes differ from the library's")
    require(all(np.isfinite(array).all() for array in stored.values()), "a value that is not finite")


def _read_preset_weights() -> None:
    with refused_as_preset(), open_tensors(_FOLDER) as tensors:
        for name in tensors.names():
            require(tensors[name].dtype == np.float32, "a tensor that is not float32")


def _seeds() -> list[bytes]:
    half = save({"h": np.ones(3, np.float16), "i": np.arange(2), "u": np.ones((), np.uint8)}, {"format": "np"})
    index = {"weight_map": {"a": "model.safetensors", "b/c": "model.safetensors"}, "metadata": {"total_size": 1}}
    return [*_SEEDS, half, json.dumps(index).encode()]


_SEEDS = [
    b"".join(
        to_safetensors({"a": np.ones((2, 3), np.float32), "b/c": np.zeros(4), "d": np.ones((1, 1, 2), np.float32)})
    ),
    b"".join(to_safetensors({f"layer_{index}/kernel": np.ones((2, 2), np.float32) for index in range(12)})),
]
SAFETENSORS = Reader(_read_weights, _seeds, CHANGES)
