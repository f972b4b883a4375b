"""Labels that a classifier gives to texts without labels, of which the most confident train the next one."""

from typing import NamedTuple

import numpy as np

from textgraft.training.log_loss import label_logits


class PseudoLabels(NamedTuple):
    """Answers of a head for texts without labels.

    Attributes:
        rows: indices of the texts, int (m,), ascending.
        labels: label indices, int32 (m,).
        confidence: the lowest probability of these answers.
    """

    rows: np.ndarray
    labels: np.ndarray
    confidence: float


def label_shares(targets: np.ndarray, labels: int) -> np.ndarray:
    """The expected share of each label, float64 (labels,): that among some texts and one more text of each label."""
    counts = np.bincount(targets, minlength=labels) + 1
    shares: np.ndarray = counts / counts.sum()
    return shares


def most_confident(logits: np.ndarray, share: float, shares: np.ndarray, min_confidence: float = 0.0) -> PseudoLabels:
    """The most confident answers for a share of some texts.

    Args:
        logits: of the texts, float (n, units).
        share: of the texts, above 0, at most 1.
        shares: of the labels, float (labels,): of each, at most this part of the answers is taken, but at least one.
        min_confidence: probability below which no answer is taken.
    """
    logits = label_logits(logits).astype(np.float64)
    answers = logits.argmax(axis=1)
    confidence = np.exp(logits.max(axis=1) - np.logaddexp.reduce(logits, axis=1))
    chosen = []
    for label, label_share in enumerate(shares):
        rows = np.flatnonzero((answers == label) & (confidence >= min_confidence))
        order = np.argsort(-confidence[rows], kind="stable")
        chosen.append(rows[order[: max(1, int(share * label_share * len(logits)))]])
    rows = np.sort(np.concatenate(chosen))
    return PseudoLabels(rows, answers[rows].astype(np.int32), float(confidence[rows].min(initial=1.0)))
