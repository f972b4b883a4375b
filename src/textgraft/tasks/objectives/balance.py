"""Treatment of rare labels: weights, focal loss and oversampling."""

import numpy as np
import tensorflow as tf

_GAMMA = 2.0


def class_weights(counts: np.ndarray) -> np.ndarray:
    """Weights inversely proportional to the frequency of a label; their mean over the texts is 1.

    Args:
        counts: training texts of each label, int (labels,). A label without texts has the weight 1.

    Returns:
        float32 (labels,).
    """
    seen = counts > 0
    weights = np.ones(len(counts))
    weights[seen] = counts.sum() / (seen.sum() * counts[seen])
    return weights.astype(np.float32)


def positive_weights(counts: np.ndarray, texts: int) -> np.ndarray:
    """Weights of a label's presence: the number of texts without it per text with it.

    Args:
        counts: training texts of each label, int (labels,). A label of no text, or of all, has the weight 1.
        texts: number of training texts.

    Returns:
        float32 (labels,).
    """
    varies = (counts > 0) & (counts < texts)
    return np.where(varies, (texts - counts) / np.maximum(counts, 1), 1.0).astype(np.float32)


def focal_loss(losses: tf.Tensor) -> tf.Tensor:
    """Cross-entropies, any shape, as focal losses with gamma 2 (Lin et al., 2017, https://arxiv.org/abs/1708.02002)."""
    return tf.pow(-tf.math.expm1(-losses), _GAMMA) * losses


def oversampling_weights(counts: np.ndarray, rarest: np.ndarray) -> np.ndarray:
    """How often each text must occur for its rarest label to be as frequent as the most frequent one.

    Args:
        counts: training texts of each label, int (labels,).
        rarest: number of texts with each text's rarest label, int (n,); 0 for a text without labels.

    Returns:
        float64 (n,), at least 1.
    """
    return np.where(rarest > 0, counts.max() / np.maximum(rarest, 1), 1.0)
