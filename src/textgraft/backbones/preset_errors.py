"""Errors of KerasHub and of readers of files as errors of presets."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from textgraft.errors import PresetError

# What KerasHub, TensorFlow, tf.text and the readers of files raise for values that do not fit.
_DAMAGED = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, tf.errors.OpError)


@contextmanager
def preset_errors(problem: str) -> Iterator[None]:
    """Convert errors of KerasHub and file readers to a PresetError of one line."""
    try:
        yield
    except _DAMAGED as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise PresetError(f"{problem}: {reason}") from error
