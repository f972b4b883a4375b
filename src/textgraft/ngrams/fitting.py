"""The n-gram model: multinomial logistic regression on sparse features, with settings chosen on held-out texts."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from textgraft.backbones.keras_private import separate_state
from textgraft.ngrams.matrix import SCALES, select_buckets, to_features
from textgraft.ngrams.model import NgramModel
from textgraft.text.cleaning import Cleaning
from textgraft.training.log_loss import label_logits, mean_log_loss

if TYPE_CHECKING:
    import scipy.sparse as sp

FOLDS = 5
ALWAYS_IN_TRAINING = -1  # in place of a fold

# Strengths of the L2 penalty to try, as scikit-learn's C: factors of the loss, which is summed over the texts.
_INVERSE_PENALTIES = (4.0, 16.0, 64.0)
# Held-out texts by which settings are chosen; of many texts, one fold has enough.
_MIN_HELD_OUT = 1000
_MAX_ITERATIONS = 1000


@dataclass(frozen=True)
class Settings:
    """What is chosen on held-out texts: a name in `SCALES`, and the inverse strength of the L2 penalty."""

    scale: str
    inverse_penalty: float


@dataclass(frozen=True)
class FittedNgrams:
    """A fitted model, with the arrays of `NgramModel`."""

    settings: Settings
    buckets: np.ndarray
    scale: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray

    def logits(self, counts: sp.csr_matrix) -> np.ndarray:
        """Logits (n, width) of texts with these counts, (n, `BUCKETS`)."""
        return _logits(counts[:, self.buckets], self.scale, self.kernel, self.bias)

    def to_model(self, factor: float, cleaning: Cleaning) -> NgramModel:
        """The model that computes these logits times a factor from strings."""
        with separate_state():
            model = NgramModel(self.kernel.shape[0], self.kernel.shape[1], cleaning)
        arrays = (self.buckets, self.scale, factor * self.kernel, factor * self.bias)
        for variable, array in zip(model.weights.values(), arrays, strict=True):
            variable.assign(array)
        return model


class NgramRegression:
    """Training texts as counts of n-grams, with their targets and folds."""

    def __init__(self, counts: sp.csr_matrix, targets: np.ndarray, width: int, folds: np.ndarray) -> None:
        """Select the n-grams, in all folds those that occur in two texts.

        Args:
            counts: float32 (n, `BUCKETS`).
            targets: label indices, int (n,).
            width: number of logits: one per label, or one for the second of two labels.
            folds: int (n,); see `assign_folds`.
        """
        self._buckets = select_buckets(counts, width)
        self._counts, self._targets, self._width, self._folds = counts[:, self._buckets], targets, width, folds
        self._chosen_logits: dict[tuple[Settings, int], np.ndarray] = {}  # by settings and number of folds

    @property
    def is_possible(self) -> bool:
        """Whether there are n-grams, several labels, and texts that can be held out."""
        return len(self._buckets) > 0 and len(np.unique(self._targets)) > 1 and bool((self._folds >= 0).any())

    def choose_settings(self) -> Settings:
        """The settings with the lowest log loss on held-out texts; `held_out_logits` of them is not computed again."""
        sizes = np.cumsum(np.bincount(self._folds[self._folds >= 0], minlength=FOLDS))
        folds = 1 + int(np.searchsorted(sizes, min(_MIN_HELD_OUT, sizes[-1])))
        held_out, losses = (self._folds >= 0) & (self._folds < folds), dict[Settings, float]()
        for settings in (Settings(*values) for values in product(SCALES, _INVERSE_PENALTIES)):
            logits = self.held_out_logits(settings, folds)
            losses[settings] = mean_log_loss(label_logits(logits[held_out]), self._targets[held_out])
            if losses[settings] == min(losses.values()):
                self._chosen_logits = {(settings, folds): logits}
        return min(losses, key=losses.__getitem__)

    def held_out_logits(self, settings: Settings, folds: int = FOLDS) -> np.ndarray:
        """Logits, float64 (n, width), by models fitted without the text's fold, for texts in the first folds."""
        if (settings, folds) in self._chosen_logits:
            return self._chosen_logits[settings, folds]
        logits = np.zeros((len(self._targets), self._width))
        for fold in range(folds):
            held_out = self._folds == fold
            if held_out.any():
                logits[held_out] = _logits(self._counts[held_out], *self._fit_rows(~held_out, settings))
        return logits

    def fit(self, settings: Settings) -> FittedNgrams:
        """Fit the model to all texts."""
        rows = np.ones(len(self._targets), bool)
        return FittedNgrams(settings, self._buckets, *self._fit_rows(rows, settings))

    def _fit_rows(self, rows: np.ndarray, settings: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        counts, targets = self._counts[rows], self._targets[rows]
        scale = SCALES[settings.scale](counts, targets)
        return scale, *fit_linear(to_features(counts, scale), targets, self._width, settings.inverse_penalty)


def assign_folds(texts: np.ndarray, targets: np.ndarray, seed: int) -> np.ndarray:
    """Folds of rows, int64 (n,), stratified by label; equal texts have one fold.

    Rows of a label that would have one fold are `ALWAYS_IN_TRAINING`, so that those outside a fold have all labels.

    Args:
        texts: digests of the texts, equal for equal texts, (n,).
        targets: label indices, int (n,).
        seed: of the order.
    """
    _, first_rows, groups = np.unique(texts, return_index=True, return_inverse=True)
    labels = targets[first_rows]
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    group_folds = np.empty(len(labels), np.int64)
    group_folds[order] = np.arange(len(labels)) % FOLDS
    folds = group_folds[groups.ravel()]
    folds_per_label = np.bincount(np.unique(targets.astype(np.int64) * FOLDS + folds) // FOLDS)
    folds[folds_per_label[targets] < 2] = ALWAYS_IN_TRAINING
    return folds


def _logits(counts: sp.csr_matrix, scale: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return to_features(counts, scale) @ kernel + bias  # type: ignore[no-any-return]


def fit_linear(
    features: sp.csr_matrix, targets: np.ndarray, width: int, inverse_penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Kernel (features, width) and bias (width,) of scikit-learn's optimum; float32.

    A label without a text has no weights, and a bias that makes it less likely than the others.
    """
    from sklearn.linear_model import LogisticRegression  # 1.5 seconds, which predictions do not need

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")
        regression = LogisticRegression(C=inverse_penalty, max_iter=_MAX_ITERATIONS).fit(features, targets)
    kernel, bias = regression.coef_.T, regression.intercept_
    if kernel.shape[1] == width:
        return kernel.astype(np.float32), bias.astype(np.float32)
    if kernel.shape[1] == 1:  # two labels of several
        kernel, bias = np.concatenate([-kernel, kernel], axis=1) / 2, np.concatenate([-bias, bias]) / 2
    all_kernel = np.zeros((len(kernel), width), np.float32)
    all_bias = np.full(width, bias.min() - np.log(2 * len(targets)), np.float32)
    all_kernel[:, regression.classes_], all_bias[regression.classes_] = kernel, bias
    return all_kernel, all_bias
