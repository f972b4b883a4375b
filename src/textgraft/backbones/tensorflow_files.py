"""TensorFlow's own files: SavedModels, which are recognized without running them, checkpoints, and vocabularies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from textgraft.errors import PresetError, error_summary
from textgraft.storage.preset_files import read_preset_lines
from textgraft.tokenizers.base import VOCABULARY, SpecialNames, Tokenizer

# The program of a SavedModel; a folder with this file is one.
SAVED_MODEL = "saved_model.pb"

# Names in the graphs of TF-Hub's BERT encoders, and of the modules that prepare texts for them.
_ENCODER_NAME, _PREPROCESSOR_NAME = b"word_embeddings/embeddings", b"bert_pack_inputs"


def is_saved_model(path: Path) -> bool:
    """Whether a path is the folder of a SavedModel."""
    return (path / SAVED_MODEL).is_file()


def is_hub_encoder(path: Path) -> bool:
    """Whether a path is the folder of a SavedModel from token ids to token vectors, such as TF-Hub's BERT."""
    return is_saved_model(path) and _ENCODER_NAME in _read_program(path)


def load_saved_model(path: Path) -> Any:
    """Load a SavedModel, which is a program: loading it runs the part that restores its tables.

    Raises:
        PresetError: when it cannot be loaded.
    """
    import tensorflow as tf

    if _PREPROCESSOR_NAME in _read_program(path):
        raise PresetError(f"{path} is a preprocessor of texts for an encoder; give the encoder, which has a vocabulary")
    with _one_line_errors(f"{path}: cannot read the SavedModel"):
        return tf.saved_model.load(str(path))


class Variables(Protocol):
    """Arrays of a model's variables, which are read when they are used.

    Attributes:
        path: for messages.
        shapes: shape of each array by key.
    """

    path: Path
    shapes: Mapping[str, list[int]]

    def __getitem__(self, key: str) -> Any: ...


class Checkpoint:
    """A TensorFlow checkpoint, whose variables are read when they are used; a PresetError when it cannot be read.

    Attributes:
        path: common prefix of its files.
        shapes: shape of each variable by key.
    """

    def __init__(self, path: Path) -> None:
        import tensorflow as tf

        self.path = path
        # For a folder of that name, TensorFlow reads the checkpoint that a file in it names, wherever it lies.
        if path.is_dir():
            raise PresetError(f"{path} is a folder, not the prefix of a checkpoint's files; unpack it again")
        with _one_line_errors(f"{path}: cannot read the checkpoint"):
            self._reader = tf.train.load_checkpoint(str(path))
        self.shapes: Mapping[str, list[int]] = self._reader.get_variable_to_shape_map()

    def __getitem__(self, key: str) -> Any:
        with _one_line_errors(f"{self.path}: cannot read the checkpoint"):
            return self._reader.get_tensor(key)


class CheckpointTensors:
    """The variables of a checkpoint, or another file, by the names and in the shapes of a Hugging Face folder."""

    def __init__(self, checkpoint: Variables, keys: Mapping[str, str], rename: Callable[[str], str]) -> None:
        """Rename variables; `keys` has the key of each in the checkpoint."""
        self.path, self._checkpoint, self._keys = checkpoint.path, checkpoint, keys
        self._variables = {rename(variable): variable for variable in keys}

    def names(self) -> set[str]:
        return set(self._variables)

    def shape(self, name: str) -> list[int]:
        """The shape in the checkpoint.

        Raises:
            PresetError: when there is no such variable.
        """
        if name not in self._variables:
            raise PresetError(f"{self.path}: {name} is missing; the module is not a BERT encoder")
        return self._checkpoint.shapes[self._keys[self._variables[name]]]

    def __getitem__(self, name: str) -> np.ndarray:
        variable = self._variables[name]
        # A weight that is not finite is refused by `Backbone.require_finite_weights`.
        with np.errstate(over="ignore", invalid="ignore"):
            array = np.asarray(self._checkpoint[self._keys[variable]], np.float32)
        if variable.endswith("kernel"):
            input_axes = array.ndim - 1 if "attention_output" in variable else 1  # attention heads have their own axis
            return array.reshape(np.prod(array.shape[:input_axes], dtype=int), -1).T
        return array.ravel() if variable.endswith("bias") else array


@contextmanager
def _one_line_errors(problem: str) -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except (LookupError, OSError, ValueError, tf.errors.OpError) as error:
        raise PresetError(f"{problem}: {error_summary(error)}; unpack it again") from error


def _read_program(path: Path) -> bytes:
    try:
        return (path / SAVED_MODEL).read_bytes()
    except OSError as error:
        raise PresetError(f"{path / SAVED_MODEL} cannot be read: {error.strerror}; the preset needs it") from error


def read_released_tokenizer(
    folder: Path, tokenizer_class: type[Tokenizer], special: SpecialNames, lowercase: bool | None = None
) -> Tokenizer:
    """The WordPiece tokenizer of one of Google's releases, from its vocab.txt, one token per line.

    Texts are lower-cased if `lowercase`; None infers it from the vocabulary.

    Raises:
        PresetError: when the file is missing or damaged.
    """
    if lowercase is None:
        tokens = read_preset_lines(folder / VOCABULARY)
        lowercase = all(token == token.lower() for token in tokens if not token.startswith("["))
    settings = {"special_tokens": special.all, "lowercase": lowercase, "strip_accents": lowercase}
    return tokenizer_class.from_assets(folder, settings)
