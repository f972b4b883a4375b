"""Choice of one token from its logits."""

import numpy as np
from scipy.special import softmax

from textgraft.generation.config import GenerationConfig


def choose_token(logits: np.ndarray, config: GenerationConfig, random: np.random.Generator) -> int:
    """The most probable token at a sampling temperature of 0, else a sampled token.

    Args:
        logits: float32 (v,).
        config: temperature, top_k and top_p.
        random: supplies one number per sampled token.
    """
    if not config.sampling_temperature:
        return int(logits.argmax())
    ids, probabilities = sampling_distribution(logits, config)
    # Rounding can leave the sum of the probabilities below 1, and the random number above it.
    index = int(np.searchsorted(np.cumsum(probabilities), random.random(), side="right"))
    return int(ids[min(index, len(ids) - 1)])


def sampling_distribution(logits: np.ndarray, config: GenerationConfig) -> tuple[np.ndarray, np.ndarray]:
    """Apply top_k, temperature and top_p, in this order.

    Args:
        logits: float32 (v,).
        config: with a sampling temperature above 0.

    Returns:
        ids int64 (m,) and their probabilities float64 (m,).
    """
    ids = np.arange(len(logits))
    if config.top_k:
        ids = top_indices(logits, config.top_k)
    probabilities = token_probabilities(logits[ids] / config.sampling_temperature)
    if config.top_p < 1:
        order = np.argsort(-probabilities, kind="stable")
        preceding = np.cumsum(probabilities[order]) - probabilities[order]
        nucleus = order[preceding < config.top_p]
        ids, probabilities = ids[nucleus], probabilities[nucleus] / probabilities[nucleus].sum()
    return ids, probabilities


def top_indices(values: np.ndarray, count: int) -> np.ndarray:
    """Indices of the `count` highest values (v,) in descending order, int64 (at most count,)."""
    count = min(count, len(values))
    indices = np.argpartition(-values, count - 1)[:count]
    return np.asarray(indices[np.argsort(-values[indices], kind="stable")])


def token_probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax in float64 along the last axis."""
    return np.asarray(softmax(logits.astype(np.float64), axis=-1))
