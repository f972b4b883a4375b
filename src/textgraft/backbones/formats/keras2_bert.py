"""Weights of a BERT classifier that Keras 2 saved, as TensorFlow's tutorials build it: one .h5 file, and vocab.txt.

The classifier is a layer of TF-Hub's encoder, or a network of Model Garden, below a layer of logits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.backbones.format import LayerConfig
from textgraft.backbones.formats.hugging_face import HuggingFaceFormat
from textgraft.backbones.formats.hugging_face_weights import unused_tensors
from textgraft.backbones.model_garden import ACTIVATION, hugging_face_name, read_sizes
from textgraft.backbones.tensorflow_files import CheckpointTensors, read_released_tokenizer
from textgraft.errors import PresetError, counted
from textgraft.storage.preset_files import published_name
from textgraft.tokenizers.base import SpecialNames, Tokenizer

if TYPE_CHECKING:
    import keras

    from textgraft.backbones.keras2_file import Keras2File

_LAYERS = "bert.encoder.layer."

# The variable of TF-Hub's encoders that says whether texts are lower-cased; it has no name of its own.
_LOWERCASE = "Variable"


class Keras2Bert(HuggingFaceFormat):
    """A folder without config.json; sizes follow from the shapes of the weights."""

    @contextmanager
    def open_tensors(self, folder: Path) -> Iterator[CheckpointTensors]:
        with _open(folder) as file:
            variables = {name: array for name, array in file.variables().items() if name != _LOWERCASE}
            if any("/layer_._" in name for name in variables):
                raise PresetError(f"{file.path} has weights of transformers; copy the model's config.json there")
            tensors = CheckpointTensors(file, variables, hugging_face_name)
            if not any(name.startswith(_LAYERS) for name in tensors.names()):
                raise PresetError(f"{file.path} has no weights of TF-Hub's or Model Garden's BERT; not supported")
            yield tensors

    def reads(self, folder: Path) -> bool:
        return bool(_weight_files(folder)) and published_name(folder) is None

    def notices(self, folder: Path) -> tuple[str, ...]:
        with self.open_tensors(folder) as tensors:
            return tuple(unused_tensors(tensors, self.prefixes, self.masked_heads))

    def read_sizes(self, folder: Path) -> dict[str, Any]:
        with self.open_tensors(folder) as tensors:
            return read_sizes(tensors)

    def read_layer_config(self, folder: Path, network: keras.Model) -> LayerConfig:
        return LayerConfig(ACTIVATION, self.epsilon)

    def read_tokenizer(self, folder: Path, tokenizer_class: type[Tokenizer], special: SpecialNames) -> Tokenizer:
        with _open(folder) as file:
            array = file.variables().get(_LOWERCASE)
            lowercase = bool(file[array]) if array and not file.shapes[array] else None
        return read_released_tokenizer(folder, tokenizer_class, special, lowercase)


@contextmanager
def _open(folder: Path) -> Iterator[Keras2File]:
    from textgraft.backbones.keras2_file import open_keras2_file

    files = _weight_files(folder)
    if len(files) > 1:
        raise PresetError(f"{folder} has {counted(len(files), '.h5 file')}; leave the one with the weights")
    with open_keras2_file(files[0]) as file:
        yield file


def _weight_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.h5"))
