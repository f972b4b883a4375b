"""The temperature at which probabilities of predicted spans are those with which they are right."""

import numpy as np

from textgraft.tasks.tag_decoding import (
    FREE,
    SpanArrays,
    decode_spans,
    decode_tags,
    free_span_probabilities,
    log_probabilities,
    span_probabilities,
)
from textgraft.training.ragged import Ragged

_LOG_BOUNDS = (-3.0, 3.0)
_DECIMALS = 4
_SMALLEST = 1e-9  # of the probability of a span that is right, or wrong


def span_temperature(logits: Ragged, true: SpanArrays, decoding: str) -> tuple[float, int]:
    """The temperature that maximizes the likelihood of what is right among the predicted spans, and their number.

    The temperature does not change which spans are predicted. As for labels of texts (see
    `objectives.single_label.best_temperature`), its logarithm has a standard normal prior. A fit to
    the tags of words would be ruled by the words outside spans, which are most.

    Args:
        logits: of texts that did not train the model, float32 ragged (n, None, tags).
        true: their spans.
        decoding: see `tag_decoding.decode_tags`.
    """
    from scipy.optimize import minimize_scalar  # 0.3 seconds, which predictions do not need

    lengths = logits.lengths
    spans = decode_spans(decode_tags(tag_probabilities(logits.values, 1.0), lengths, decoding), lengths)
    known = set(zip(*map(np.ndarray.tolist, true), strict=True))
    is_right = np.array([span in known for span in zip(*map(np.ndarray.tolist, spans), strict=True)], bool)

    def penalized_loss(log_temperature: float) -> float:
        probabilities = tag_probabilities(logits.values, float(np.exp(log_temperature)))
        if decoding == FREE:
            scores = free_span_probabilities(spans, probabilities.astype(np.float64), lengths)
        else:
            scores = span_probabilities(spans, log_probabilities(probabilities).astype(np.float64), lengths)
        likelihoods = np.where(is_right, scores, 1 - scores)
        return float(log_temperature**2 / 2 - np.log(np.maximum(likelihoods, _SMALLEST)).sum())

    optimum = minimize_scalar(penalized_loss, bounds=_LOG_BOUNDS, method="bounded", options={"xatol": 1e-3})
    return round(float(np.exp(optimum.x)), _DECIMALS), len(is_right)


def tag_probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Softmax of logits, float32 (w, tags), at a temperature."""
    shifted = np.exp((logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature))
    return shifted / shifted.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]
