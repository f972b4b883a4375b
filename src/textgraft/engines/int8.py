"""Weights in int8: of products, whose other factor is quantized while they are computed, and tables of vectors.

Reference:
    Xiao et al., 2022, https://arxiv.org/abs/2211.10438 (smoothing)
"""

from dataclasses import dataclass

import numpy as np

from textgraft.processor import processor

# Instructions of x86 that add products of uint8 and int8 in 32 bits; without them, sums of two overflow 16 bits.
_EXACT = {"avx512_vnni", "avx_vnni", "amx_int8"}
_X86 = "x86_64"

TABLE_BITS = 8  # of a value in a table, on all processors
_SMOOTHING = 0.75  # exponent of the sizes that are made equal; 1 would leave all differences to the weights


@dataclass(frozen=True)
class Quantization:
    """How a network is computed in int8.

    Attributes:
        bits: of a weight: 8, or 7 where the processor adds two products of uint8 and int8 in 16 bits, which overflow.
        float32: names of the products and tables that stay in float32.
        has_tables: whether the other tables of the tokens' vectors are in int8, with a scale per token.
        smoothed: whether normalized vectors are divided by `smoothing_factors` before they are quantized.
    """

    bits: int
    float32: frozenset[str] = frozenset()
    has_tables: bool = False
    smoothed: bool = False


def quantize_kernel(kernel: np.ndarray, bits: int) -> tuple[np.ndarray, np.ndarray]:
    """A kernel, float32 (dim, units), as int8 (dim, units) and a scale for each unit, float32 (units,)."""
    largest = 2 ** (bits - 1) - 1
    scales = np.maximum(np.abs(kernel).max(axis=0) / largest, np.finfo(np.float32).tiny)
    return np.round(kernel / scales).astype(np.int8), scales.astype(np.float32)


def smoothing_factors(gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Divisors, float32 (dim,), of the values of a layer normalization; the kernel is multiplied by them.

    All values of a batch have one scale, so a few that are much larger would leave few integers for the others. `gamma`
    and `beta` are the weights of the normalization, float32 (dim,).
    """
    sizes = np.maximum(np.abs(gamma) + np.abs(beta), np.finfo(np.float32).tiny)
    factors = np.power(sizes, np.float32(_SMOOTHING))
    normalized: np.ndarray = (factors / factors.mean()).astype(np.float32)
    return normalized


def weight_bits() -> int:
    """The bits of a weight with which this processor computes exactly; see `Quantization`."""
    return 8 if processor().machine != _X86 or processor().features & _EXACT else 7


def processor_kind() -> str:
    """The architecture of this processor and the instructions on which results in int8 depend."""
    current = processor()
    return " ".join([current.machine, *sorted(current.features & {"avx2", "avx512f", *_EXACT})])
