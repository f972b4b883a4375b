"""Whether arrays hold finite numbers only; they are read in blocks, so memory does not grow with their size."""

import numpy as np

_BLOCK_VALUES = 2**18  # of 4 bytes: they stay in a processor's cache


def is_finite(array: np.ndarray) -> bool:
    """Whether every value of an array of floating-point numbers is a finite float32."""
    values = array.reshape(-1)
    # Of a float64 beyond the range of float32, which becomes infinite, and of a signalling NaN.
    with np.errstate(over="ignore", invalid="ignore"):
        return all(
            np.isfinite(values[start : start + _BLOCK_VALUES].astype(np.float32, copy=False)).all()
            for start in range(0, len(values), _BLOCK_VALUES)
        )
