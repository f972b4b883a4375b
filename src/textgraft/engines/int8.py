"""Weights in int8, a scale per output, for products whose other factor is quantized while they are computed."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Quantization:
    """How a network is computed in int8.

    Attributes:
        bits: of a weight: 8, or 7 where the processor adds two products of uint8 and int8 in 16 bits, which overflow.
        float32: names of the products that stay in float32.
    """

    bits: int
    float32: frozenset[str] = frozenset()


def quantize(kernel: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """A kernel, float32 (dim, units), as int8 (dim, units) and a scale for each unit, float32 (units,)."""
    largest = 2 ** (bits - 1) - 1
    scales = np.maximum(np.abs(kernel).max(axis=0) / largest, np.finfo(np.float32).tiny)
    return np.round(kernel / scales).astype(np.int8), scales.astype(np.float32)
