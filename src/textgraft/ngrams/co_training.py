"""Co-training of a linear head on embeddings and of n-grams: each learns from the answers of both to unlabelled texts.

Two views of a text err on different texts (Blum and Mitchell, 1998, https://doi.org/10.1145/279943.279962):

1. A head is fitted to the labelled texts, and its answers to all unlabelled texts train n-grams.
2. The answers of both together, first the most confident half and then all, train the next head and n-grams.
3. The result is the sum of the first and the last of both, whose logits have the same standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from textgraft.model_folder.ngrams import IDF
from textgraft.ngrams.fitting import FittedNgrams, Settings, fit_linear
from textgraft.ngrams.matrix import SCALES, select_buckets, to_features
from textgraft.training.linear_head import LinearHead
from textgraft.training.log_loss import label_logits
from textgraft.training.prior import FittedPrior, fit_to_prior, regress
from textgraft.training.pseudo_labels import PseudoLabels, label_shares, most_confident

if TYPE_CHECKING:
    import scipy.sparse as sp

# Chosen on training texts of AG News, IMDb and TREC (docs/measurements.md).
SHARES = (0.5, 1.0)  # of the unlabelled texts, by rounds after the first
_SETTINGS = Settings(IDF, 4.0)
_MIN_TEXTS = 4  # with an n-gram

_MIN_SQUARED_NORM, _MIN_DEVIATION = 1e-12, 1e-6


class Views(NamedTuple):
    """Embeddings, float (n, dim), and counts of n-grams, float32 (n, `BUCKETS`), of some texts."""

    vectors: np.ndarray
    counts: sp.csr_matrix


@dataclass(frozen=True)
class CoTrained:
    """What co-training fitted; the logits of a text are the sum of those of head and n-grams.

    Attributes:
        first: the head of the labelled texts alone.
        head: of embeddings.
        ngrams: of counts.
        pseudo: the answers that the last head and n-grams were fitted to, beside the labelled texts.
    """

    first: LinearHead
    head: LinearHead
    ngrams: FittedNgrams
    pseudo: PseudoLabels

    def logits(self, views: Views) -> np.ndarray:
        """Logits, float32 (n, units), of head and n-grams together."""
        sum_: np.ndarray = self.head.outputs(views.vectors) + self.ngrams.logits(views.counts)
        return sum_


class CoTraining:
    """Labelled and unlabelled texts of a classifier of one logit per label, or one for the second of two labels.

    There can be no labelled texts; then the prior gives the first answers.
    """

    def __init__(
        self, units: int, labelled: Views, targets: np.ndarray, unlabelled: Views, prior: np.ndarray | None = None
    ) -> None:
        """Compute the features of all texts.

        Args:
            units: logits.
            labelled: of texts.
            targets: their label indices, int (n,), each of which occurs, if there is one.
            unlabelled: of other texts.
            prior: weights that the penalty draws those of a head to, for vectors of length 1 (see `fit_to_prior`),
                float (dim, units); None for zeros.
        """
        import scipy.sparse as sp  # 0.2 seconds, which predictions do not need

        counts = sp.vstack([labelled.counts, unlabelled.counts], format="csr")
        self._buckets = select_buckets(counts, units, _MIN_TEXTS)
        counts = counts[:, self._buckets]
        self._ngram_scale = SCALES[_SETTINGS.scale](counts, targets)
        features = to_features(counts, self._ngram_scale)
        self._labelled_features, self._features = features[: len(targets)], features[len(targets) :]
        vectors = labelled.vectors if len(targets) else unlabelled.vectors
        squared_norm = np.einsum("ij,ij->", vectors, vectors, dtype=np.float64) / len(vectors)
        self._scale = 1 / np.sqrt(max(squared_norm, _MIN_SQUARED_NORM))
        self._labelled_vectors = self._scale * labelled.vectors.astype(np.float64)
        self._vectors = self._scale * unlabelled.vectors.astype(np.float64)
        self._units, self._targets = units, targets
        self._prior = None if prior is None else prior.astype(np.float64)

    @property
    def is_possible(self) -> bool:
        """Whether texts have n-grams in common."""
        return len(self._buckets) > 0

    def fit(
        self, rows: np.ndarray | slice = slice(None), on_prior: Callable[[FittedPrior], None] = lambda _: None
    ) -> CoTrained:
        """Co-train on some of the labelled texts, and all others.

        Args:
            rows: of the labelled texts, each label of which occurs in them.
            on_prior: receives the fitted prior, if there is one.
        """
        targets = self._targets[rows]
        shares = label_shares(targets, max(2, self._units))
        first, start, prior = self._first_heads(rows, shares, on_prior)
        start = self._standardized(start, self._vectors)
        ngrams = self._fit_ngrams(rows, most_confident(start.outputs(self._vectors), 1.0, shares))
        first_views = views = (start, ngrams)
        for share in SHARES:
            pseudo = most_confident(self._together(views), share, shares)
            views = (self._fit_head(rows, pseudo, prior), self._fit_ngrams(rows, pseudo))
        factor = 1 / _deviation(self._together(first_views))
        head, ngrams = (last.plus(initial.times(factor)) for last, initial in zip(views, first_views, strict=True))
        return CoTrained(
            self._for_embeddings(first),
            self._for_embeddings(head),
            FittedNgrams(_SETTINGS, self._buckets, self._ngram_scale, *ngrams),
            pseudo,
        )

    def held_out(self, folds: np.ndarray, labelled: Views) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Logits, float32 (n, units), of `first`, `head` and `ngrams` that are fitted without the fold of the text.

        Zeros for texts in no fold, below 0; the texts outside each fold have all labels.

        Args:
            folds: int (n,).
            labelled: the texts.
        """
        first, head, ngrams = (np.zeros((len(folds), self._units), np.float32) for _ in range(3))
        for fold in np.unique(folds[folds >= 0]):
            rows = folds == fold
            fitted = self.fit(~rows)
            first[rows] = fitted.first.outputs(labelled.vectors[rows])
            head[rows] = fitted.head.outputs(labelled.vectors[rows])
            ngrams[rows] = fitted.ngrams.logits(labelled.counts[rows])
        return first, head, ngrams

    def _first_heads(
        self, rows: np.ndarray | slice, shares: np.ndarray, on_prior: Callable[[FittedPrior], None]
    ) -> tuple[LinearHead, LinearHead, np.ndarray]:
        """The head of the labelled texts; the one whose answers are learned; and the prior of further heads.

        The answers are also those of the prior, where it helps: few texts do not outweigh it.
        """
        vectors, targets = self._labelled_vectors[rows], self._targets[rows]
        if self._prior is None:
            prior = np.zeros((vectors.shape[1], self._units))
            first = LinearHead(*regress(vectors, targets, prior))
            return first, first, prior
        if not len(targets):
            alone = self._alone(self._prior, shares)
            return alone, alone, self._prior
        fitted = fit_to_prior(vectors, targets, self._prior)
        on_prior(fitted)
        first = LinearHead(fitted.kernel, fitted.bias)
        if not fitted.strength:
            return first, first, 0 * self._prior
        start = self._standardized(first, self._vectors).plus(self._alone(self._prior, shares))
        return first, start, fitted.strength * self._prior

    def _alone(self, prior: np.ndarray, shares: np.ndarray) -> LinearHead:
        """The prior as a head, standardized, whose answers to the unlabelled texts have about these shares."""
        logits = self._vectors @ prior
        bias = -np.quantile(logits, shares[0], axis=0) if self._units == 1 else -logits.mean(axis=0)
        return self._standardized(LinearHead(prior, bias), self._vectors)

    def _together(self, views: tuple[LinearHead, LinearHead]) -> np.ndarray:
        """Logits (u, units) of head and n-grams for the unlabelled texts."""
        head, ngrams = views
        sum_: np.ndarray = head.outputs(self._vectors) + ngrams.outputs(self._features)
        return sum_

    def _fit_head(self, rows: np.ndarray | slice, pseudo: PseudoLabels, prior: np.ndarray) -> LinearHead:
        """Logistic regression on the embeddings of labelled and other texts, standardized."""
        vectors = np.concatenate([self._labelled_vectors[rows], self._vectors[pseudo.rows]])
        targets = np.concatenate([self._targets[rows], pseudo.labels])
        return self._standardized(LinearHead(*regress(vectors, targets, prior)), self._vectors)

    def _fit_ngrams(self, rows: np.ndarray | slice, pseudo: PseudoLabels) -> LinearHead:
        """Logistic regression on the features of labelled and other texts, standardized."""
        import scipy.sparse as sp

        features = sp.vstack([self._labelled_features[rows], self._features[pseudo.rows]], format="csr")
        targets = np.concatenate([self._targets[rows], pseudo.labels])
        if len(np.unique(targets)) < 2:  # nothing to tell apart
            return LinearHead(np.zeros((features.shape[1], self._units)), np.zeros(self._units))
        head = LinearHead(*fit_linear(features, targets, self._units, _SETTINGS.inverse_penalty))
        return self._standardized(head, self._features)

    @staticmethod
    def _standardized(head: LinearHead, inputs: np.ndarray | sp.csr_matrix) -> LinearHead:
        """The head with logits of the standard deviation 1 for unlabelled texts."""
        return head.times(1 / _deviation(head.outputs(inputs)))

    def _for_embeddings(self, head: LinearHead) -> LinearHead:
        """A head of scaled vectors as one of embeddings."""
        return LinearHead(self._scale * head.kernel, head.bias)


def _deviation(logits: np.ndarray) -> float:
    """The standard deviation of logits (n, units), as those of all labels; 1 where they are all equal."""
    deviation = float(label_logits(logits).std())
    return deviation if deviation > _MIN_DEVIATION else 1.0
