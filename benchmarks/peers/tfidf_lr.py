"""scikit-learn: TF-IDF of words and word pairs, logistic regression, without transfer."""

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks.peers.contract import Predict, Task, run


def fit(task: Task) -> Predict:
    """Train with the settings of textgraft's baseline."""
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000)
    )
    return model.fit(task.train.texts, task.train.targets).predict


if __name__ == "__main__":
    run(fit)
