"""The distance of texts from those of the training, by a second network."""

from pathlib import Path

import numpy as np
import onnxruntime as ort

from .damage import damage_named

NETWORK, DISTANCE = "distance.onnx", "distance"


class Distances:
    """Vectors of texts to their distances from the nearest label."""

    def __init__(self, folder: Path, options: ort.SessionOptions, dim: int) -> None:
        """Read the network.

        Args:
            folder: has the file `NETWORK`.
            options: of its session.
            dim: of the vectors.

        Raises:
            ValueError: when the file is damaged; names it.
            OSError: when it cannot be read.
        """
        path = folder / NETWORK
        with damage_named(path):
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            shapes = [item.shape[-1] for item in (*self._session.get_inputs(), *self._session.get_outputs())]
            if shapes != [dim, 1]:
                raise ValueError(f"it is not that of vectors of {dim} numbers")
            (self._input,) = (item.name for item in self._session.get_inputs())

    def of(self, vectors: np.ndarray) -> np.ndarray:
        """Distances, float32 (n, 1), of vectors (n, dim)."""
        return self._session.run([DISTANCE], {self._input: vectors})[0]  # type: ignore[no-any-return]
