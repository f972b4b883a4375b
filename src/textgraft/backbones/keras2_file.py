"""Weights that Keras 2 saved in an HDF5 file, by `save_weights` or `save`: arrays by the names of their variables."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from textgraft.backbones.hdf5_files import require_own_arrays
from textgraft.errors import PresetError, error_summary

# The group of the weights in the file of a whole model, and that of its optimizer.
_WEIGHTS, _OPTIMIZER = "/model_weights/", "/optimizer_weights/"


class Keras2File:
    """An open file.

    Attributes:
        path: for messages.
        shapes: shape of each array by its path in the file.
    """

    def __init__(self, path: Path, file: h5py.File, arrays: list[str]) -> None:
        """Leave out the arrays of the optimizer."""
        self.path, self._file = path, file
        self.shapes: Mapping[str, list[int]] = {
            array: list(file[array].shape) for array in arrays if not array.startswith(_OPTIMIZER)
        }

    def __getitem__(self, array: str) -> np.ndarray:
        return np.asarray(self._file[array][()])

    def variables(self) -> dict[str, str]:
        """The path of each variable's array by the variable's name, such as bert_model/embeddings/kernel.

        A layer that uses a variable of another one has a copy of its own; the first in alphabetical order counts.

        Raises:
            PresetError: when the copies of a variable have different shapes.
        """
        paths: dict[str, str] = {}
        for array in sorted(self.shapes):
            # The first group is that of the layer, whatever the variable's name begins with.
            _, _, variable = array.removeprefix(_WEIGHTS.rstrip("/")).lstrip("/").partition("/")
            name = variable.removesuffix(":0")
            if self.shapes[paths.setdefault(name, array)] != self.shapes[array]:
                raise PresetError(f"{self.path}: two arrays of the variable {name!r:.80} have different shapes")
        return paths


@contextmanager
def open_keras2_file(path: Path) -> Iterator[Keras2File]:
    """Open a file of weights; nothing that it describes is built or run.

    Raises:
        PresetError: when it is missing or damaged, when an item in it is not allowed (see `require_own_arrays`), and
            for an array that cannot be read, also later, in the context.
    """
    try:
        # Keras does not compress, so that no array has more values than the file has bytes.
        arrays = require_own_arrays(path, path.stat().st_size)
        with h5py.File(path, "r") as file:
            yield Keras2File(path, file, arrays)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise PresetError(f"{path}: cannot read the weights: {error_summary(error)}; copy it again") from error
