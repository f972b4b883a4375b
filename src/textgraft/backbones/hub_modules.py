"""TF-Hub modules: SavedModel folders, told apart without running them, and opened."""

from pathlib import Path
from typing import Any

import tensorflow as tf

from textgraft.errors import PresetError

_PROGRAM = "saved_model.pb"

# What only such a module's program names.
_ENCODERS, _PREPROCESSORS = b"word_embeddings/embeddings", b"bert_pack_inputs"


def is_module(path: Path) -> bool:
    """Whether a path is the folder of a SavedModel."""
    return (path / _PROGRAM).is_file()


def is_encoder(path: Path) -> bool:
    """Whether a path is the folder of a SavedModel from token ids to token vectors, as BERT's are."""
    return is_module(path) and _ENCODERS in _program(path)


def opened(path: Path) -> Any:
    """The module. It is a program, and opening it runs the part that restores its tables.

    Raises:
        PresetError: when it cannot be opened.
    """
    if _PREPROCESSORS in _program(path):
        raise PresetError(
            f"{path} is a module that prepares texts for an encoder; give the encoder, which has the vocabulary too"
        )
    try:
        return tf.saved_model.load(str(path))
    except (OSError, ValueError, tf.errors.OpError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise PresetError(f"{path}: the SavedModel could not be read: {reason}") from error


def _program(path: Path) -> bytes:
    try:
        return (path / _PROGRAM).read_bytes()
    except OSError as error:
        raise PresetError(f"{path / _PROGRAM} cannot be read: {error.strerror}; the preset needs it") from error
