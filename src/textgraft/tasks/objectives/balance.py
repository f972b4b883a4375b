"""Treatment of rare labels: weights, focal loss and oversampling."""

import numpy as np
import tensorflow as tf

_GAMMA = 2.0


def class_weights(counts: np.ndarray) -> np.ndarray:
    """Weights inversely proportional to a label's number of training texts, float32 (labels,).

    Their mean over the texts is 1; a label without texts has the weight 1.
    """
    seen = counts > 0
    weights = np.ones(len(counts))
    weights[seen] = counts.sum() / (seen.sum() * counts[seen])
    return weights.astype(np.float32)


def positive_weights(counts: np.ndarray, texts: int) -> np.ndarray:
    """Weights of a label's presence, float32 (labels,): the number of training texts without it per text with it.

    A label of no text, or of all, has the weight 1.
    """
    varies = (counts > 0) & (counts < texts)
    return np.where(varies, (texts - counts) / np.maximum(counts, 1), 1.0).astype(np.float32)


def focal_loss(losses: tf.Tensor) -> tf.Tensor:
    """Cross-entropies, any shape, as focal losses with gamma 2 (Lin et al., 2017, https://arxiv.org/abs/1708.02002)."""
    return tf.pow(-tf.math.expm1(-losses), _GAMMA) * losses


def oversampling_weights(counts: np.ndarray, rarest: np.ndarray) -> np.ndarray:
    """How often each text must occur for its rarest label to be as frequent as the most frequent one, at least 1.

    Args:
        counts: training texts of each label, int (labels,).
        rarest: number of texts with each text's rarest label, int (n,); 0 for a text without labels.
    """
    return np.where(rarest > 0, counts.max() / np.maximum(rarest, 1), 1.0)
