"""Self-training of a linear head on embeddings: its confident answers for texts without labels train the next head.

Curriculum labelling (Cascante-Bonilla et al., 2021, https://arxiv.org/abs/2001.06001): each round takes a larger share
of the texts, the most confident first, and fits a new head to the labelled texts and these. Within a round each label
has its expected share of the texts, so that a frequent answer does not displace the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from textgraft.training.linear_head import LinearHead
from textgraft.training.log_loss import label_logits
from textgraft.training.prior import FittedPrior, fit_to_prior, regress

# Shares of the texts without labels that the rounds take; chosen on training texts of AG News, IMDb and TREC.
SHARES = (0.25, 0.5, 0.75, 1.0)

_MIN_SQUARED_NORM = 1e-12


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


class Fitted(NamedTuple):
    """Heads of a self-training.

    Attributes:
        first: fitted to the labelled texts alone.
        last: that of the last round.
        pseudo: the answers that it was fitted to, beside the labelled texts.
    """

    first: LinearHead
    last: LinearHead
    pseudo: PseudoLabels


@dataclass(frozen=True)
class SelfTraining:
    """Heads for embeddings, of one logit per label, or one for the second of two labels.

    Attributes:
        units: logits of a head.
        prior: weights that the penalty draws those of a head to, for vectors of length 1 (see `fit_to_prior`), float
            (dim, units); None for zeros.
    """

    units: int
    prior: np.ndarray | None = None

    def fit(
        self,
        vectors: np.ndarray,
        targets: np.ndarray,
        unlabelled: np.ndarray,
        on_prior: Callable[[FittedPrior], None] = lambda _: None,
    ) -> Fitted:
        """Fit a head to labelled texts, and in rounds to these and others.

        The penalty is that of C = 1 for vectors with a mean squared norm of 1.

        Args:
            vectors: of labelled texts, float (n, dim).
            targets: label indices, int (n,), each of which occurs.
            unlabelled: vectors of texts without labels, float (u, dim).
            on_prior: receives the fitted prior, if there is one.
        """
        squared_norm = np.einsum("ij,ij->", vectors, vectors, dtype=np.float64) / len(vectors)
        scale = 1 / np.sqrt(max(squared_norm, _MIN_SQUARED_NORM))
        labelled, others = scale * vectors.astype(np.float64), scale * unlabelled.astype(np.float64)
        first, prior = self._first_head(labelled, targets, on_prior)
        head, shares = first, label_shares(targets, max(2, self.units))
        for share in SHARES:
            pseudo = most_confident(head.outputs(others), share, shares)
            rows = np.concatenate([labelled, others[pseudo.rows]])
            head = LinearHead(*regress(rows, np.concatenate([targets, pseudo.labels]), prior))
        first, head = (LinearHead(scale * part.kernel, part.bias) for part in (first, head))
        return Fitted(first, head, pseudo)

    def held_out(
        self, vectors: np.ndarray, targets: np.ndarray, folds: np.ndarray, unlabelled: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logits, float32 (n, units), of the first and of the last head of `fit` without the fold of the text.

        Zeros for texts in no fold, below 0; the texts outside each fold have all labels.
        """
        before, after = (np.zeros((len(targets), self.units), np.float32) for _ in range(2))
        for fold in np.unique(folds[folds >= 0]):
            rows = folds == fold
            fitted = self.fit(vectors[~rows], targets[~rows], unlabelled)
            before[rows], after[rows] = (head.outputs(vectors[rows]) for head in (fitted.first, fitted.last))
        return before, after

    def _first_head(
        self, vectors: np.ndarray, targets: np.ndarray, on_prior: Callable[[FittedPrior], None]
    ) -> tuple[LinearHead, np.ndarray]:
        """The head of the labelled texts, and the weights that the penalty draws it to, float64 (dim, units)."""
        if self.prior is None:
            prior = np.zeros((vectors.shape[1], self.units))
            return LinearHead(*regress(vectors, targets, prior)), prior
        fitted = fit_to_prior(vectors, targets, self.prior)
        on_prior(fitted)
        return LinearHead(fitted.kernel, fitted.bias), fitted.strength * self.prior.astype(np.float64)


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
