"""One token out of the logits for it."""

import numpy as np

from textgraft.generation.config import GenerationConfig


def chosen(logits: np.ndarray, config: GenerationConfig, random: np.random.Generator) -> int:
    """The most probable token, or one that is drawn.

    Args:
        logits: float32 (v,).
        config: says which.
        random: gives one number for each draw.
    """
    if not config.warmth:
        return int(logits.argmax())
    ids, shares = left(logits, config)
    # Shares add up to nearly 1, and a draw may be above their sum.
    place = int(np.searchsorted(np.cumsum(shares), random.random(), side="right"))
    return int(ids[min(place, len(ids) - 1)])


def left(logits: np.ndarray, config: GenerationConfig) -> tuple[np.ndarray, np.ndarray]:
    """What temperature, top_k and top_p, in this order, leave of a distribution.

    Args:
        logits: float32 (v,).
        config: with a temperature above 0.

    Returns:
        ids int64 (m,) and their probabilities float64 (m,).
    """
    ids = np.arange(len(logits))
    if config.top_k:
        ids = highest(logits, config.top_k)
    shares = softmax(logits[ids] / config.warmth)
    if config.top_p < 1:
        order = np.argsort(-shares, kind="stable")
        before = np.cumsum(shares[order]) - shares[order]
        kept = order[before < config.top_p]
        ids, shares = ids[kept], shares[kept] / shares[kept].sum()
    return ids, shares


def highest(values: np.ndarray, count: int) -> np.ndarray:
    """Where the highest of values (v,) are, the highest first; int64 (at most count,)."""
    count = min(count, len(values))
    among = np.argpartition(-values, count - 1)[:count]
    return np.asarray(among[np.argsort(-values[among], kind="stable")])


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities, float64, along the last axis."""
    shares = np.exp(logits.astype(np.float64) - logits.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))
