"""The choice of texts that are doubtful and differ from each other: k-means++ in the space of the head's gradients."""

from collections.abc import Callable

import numpy as np

# Squared distances of float32 vectors below this share of the squared length are rounding errors.
_ROUNDING = 1e-6


def select_informative(
    vectors: np.ndarray, residuals: np.ndarray, count: int, seed: int, accepts: Callable[[int], bool]
) -> list[int]:
    """Choose rows, the first of which has the largest gradient.

    The gradient of a text is that of the loss by the weights of a linear head, as if the answer of the model were
    right: the outer product of residuals and vector. It is large for a doubtful answer, and differs between answers and
    between texts (Ash et al., 2020, https://arxiv.org/abs/1906.03671). Each further row is drawn in proportion to the
    squared distance of its gradient to the nearest chosen one, or to zero (Arthur and Vassilvitskii, 2007).

    Args:
        vectors: float32 (n, dim).
        residuals: float64 (n, c); see `TextFeatures`.
        count: number of rows.
        seed: of the draw.
        accepts: whether a drawn row is taken; otherwise, another one is drawn.

    Returns:
        `count` rows, or fewer where no other row is accepted or has another gradient than those chosen.
    """
    random, chosen = np.random.default_rng(seed), list[int]()
    squares = (vectors.astype(np.float64) ** 2).sum(axis=1) * (residuals**2).sum(axis=1)
    distances = squares.copy()
    while len(chosen) < count and (total := distances.sum()) > 0:
        row = int(random.choice(len(distances), p=distances / total)) if chosen else int(distances.argmax())
        if accepts(row):
            chosen.append(row)
            products = (vectors @ vectors[row]).astype(np.float64) * (residuals @ residuals[row])
            to_row = np.maximum(0, squares + squares[row] - 2 * products)
            to_row[to_row <= _ROUNDING * squares] = 0
            distances = np.minimum(distances, to_row)
        distances[row] = 0
    return chosen
