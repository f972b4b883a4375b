"""TensorFlow's own files: SavedModels, which are recognized without running them, and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textgraft.errors import PresetError

_PROGRAM = "saved_model.pb"

# Names in the graphs of TF-Hub's BERT encoders, and of the modules that prepare texts for them.
_ENCODER_NAME, _PREPROCESSOR_NAME = b"word_embeddings/embeddings", b"bert_pack_inputs"


def is_saved_model(path: Path) -> bool:
    """Whether a path is the folder of a SavedModel."""
    return (path / _PROGRAM).is_file()


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


class Checkpoint:
    """A TensorFlow checkpoint; each variable is read when it is used.

    Attributes:
        path: common prefix of its files.
        shapes: shape of each variable by key.
    """

    def __init__(self, path: Path) -> None:
        """Open the checkpoint.

        Raises:
            PresetError: when it cannot be read.
        """
        import tensorflow as tf

        self.path = path
        with _one_line_errors(f"{path}: cannot read the checkpoint"):
            self._reader = tf.train.load_checkpoint(str(path))
        self.shapes: Mapping[str, list[int]] = self._reader.get_variable_to_shape_map()

    def __getitem__(self, key: str) -> Any:
        """The value of a variable.

        Raises:
            PresetError: when it cannot be read.
        """
        with _one_line_errors(f"{self.path}: cannot read the checkpoint"):
            return self._reader.get_tensor(key)


@contextmanager
def _one_line_errors(problem: str) -> Iterator[None]:
    import tensorflow as tf

    try:
        yield
    except (LookupError, OSError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PresetError(f"{problem}: {reason}; unpack it again") from error


def _read_program(path: Path) -> bytes:
    try:
        return (path / _PROGRAM).read_bytes()
    except OSError as error:
        raise PresetError(f"{path / _PROGRAM} cannot be read: {error.strerror}; the preset needs it") from error
