"""A TensorFlow checkpoint: read a tensor at a time, and refused with one clear line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import tensorflow as tf

from textgraft.errors import PresetError

T = TypeVar("T")


class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        path: what the names of its files begin with.
        shapes: key to shape of each variable.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            PresetError: when it cannot be read.
        """
        self.path = path
        self._reader = self._read(lambda: tf.train.load_checkpoint(str(path)))
        self.shapes: Mapping[str, list[int]] = self._reader.get_variable_to_shape_map()

    def __getitem__(self, key: str) -> Any:
        """The value of a variable.

        Raises:
            PresetError: when it cannot be read.
        """
        return self._read(lambda: self._reader.get_tensor(key))

    def _read(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except (LookupError, ValueError, tf.errors.OpError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise PresetError(f"{self.path}: the checkpoint could not be read: {reason}; unpack it again") from error
