"""Baseline without transfer learning: TF-IDF and logistic regression."""

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline


def tfidf_accuracy(texts: list[str], targets: np.ndarray, test_texts: list[str], test_targets: np.ndarray) -> float:
    """Test accuracy of logistic regression on the TF-IDF of words and word pairs (sublinear counts).

    Args:
        texts: training texts.
        targets: int (n,), their classes.
        test_texts: texts that are not in `texts`.
        test_targets: int (m,).
    """
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
    )
    model.fit(texts, targets)
    return float(model.score(test_texts, test_targets))
