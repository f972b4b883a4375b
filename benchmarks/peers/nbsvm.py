"""NBSVM (Wang & Manning, 2012): a linear SVM on words and word pairs weighted by naive Bayes, without transfer."""

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.svm import LinearSVC

from benchmarks.peers.contract import Predict, Task, run

_ALPHA, _C = 1.0, 1.0  # smoothing and cost, as in the paper


def fit(task: Task) -> Predict:
    """Train one SVM for two labels, one per label for more.

    Unlike in the paper, weights are not interpolated with their mean, which costs five points on 1,000 reviews because
    the bias is not adapted.
    """
    vectorizer = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"\w+|[^\w\s]")
    present = vectorizer.fit_transform(task.train.texts)  # (n, features)
    positive_labels = [1] if len(task.labels) == 2 else range(len(task.labels))
    svms = [_fit_svm(present, task.train.targets == label, task.seed) for label in positive_labels]
    weights = np.stack([weight for weight, _ in svms], axis=1)  # (features, svms)
    biases = np.array([bias for _, bias in svms])

    def predict(texts: list[str]) -> np.ndarray:
        scores = vectorizer.transform(texts) @ weights + biases
        return (scores[:, 0] > 0).astype(np.int64) if len(biases) == 1 else scores.argmax(axis=1)

    return predict


def _fit_svm(present: csr_matrix, positive: np.ndarray, seed: int) -> tuple[np.ndarray, float]:
    """Weights (features,) and bias for a label against the others."""
    counts = [_ALPHA + np.asarray(present[rows].sum(axis=0), float).ravel() for rows in (positive, ~positive)]
    ratio = np.log(counts[0] / counts[0].sum()) - np.log(counts[1] / counts[1].sum())
    svm = LinearSVC(C=_C, random_state=seed).fit(present.multiply(ratio).tocsr(), positive)
    return ratio * svm.coef_[0], float(svm.intercept_[0])


if __name__ == "__main__":
    run(fit)
