"""What is done for labels that few texts have."""

import numpy as np
import tensorflow as tf

_GAMMA = 2.0


def class_weights(counts: np.ndarray) -> np.ndarray:
    """Weights in inverse proportion to how often a label occurs; their mean over the texts is 1.

    Args:
        counts: int (labels,), of the training texts. A label of none has the weight 1.

    Returns:
        float32 (labels,).
    """
    seen = counts > 0
    weights = np.ones(len(counts))
    weights[seen] = counts.sum() / (seen.sum() * counts[seen])
    return weights.astype(np.float32)


def positive_weights(counts: np.ndarray, texts: int) -> np.ndarray:
    """What a label's presence weighs against its absence: how many texts lack it for each that has it.

    Args:
        counts: int (labels,), how many of the training texts have each. A label of none, or of all, has the weight 1.
        texts: how many there are.

    Returns:
        float32 (labels,).
    """
    learned = (counts > 0) & (counts < texts)
    return np.where(learned, (texts - counts) / np.maximum(counts, 1), 1.0).astype(np.float32)


def focal(losses: tf.Tensor) -> tf.Tensor:
    """Cross-entropies, any shape, as focal losses with gamma 2 (Lin et al., 2017, https://arxiv.org/abs/1708.02002)."""
    return tf.pow(-tf.math.expm1(-losses), _GAMMA) * losses


def sampling_weights(counts: np.ndarray, rarest: np.ndarray) -> np.ndarray:
    """How often each text comes for its rarest label to be as frequent as the most frequent one.

    Args:
        counts: int (labels,), of the training texts.
        rarest: int (n,), how many texts have each text's rarest label; 0 for a text without a label.

    Returns:
        float64 (n,), at least 1.
    """
    return np.where(rarest > 0, counts.max() / np.maximum(rarest, 1), 1.0)
