"""sentence-transformers: logistic regression (scikit-learn) on embeddings of the frozen MiniLM."""

from sentence_transformers import SentenceTransformer
from sklearn.linear_model import LogisticRegression

from benchmarks.peers.contract import SEQUENCE_LENGTH, Predict, Task, run


def fit(task: Task) -> Predict:
    """Train with default settings."""
    encoder = SentenceTransformer(task.minilm, device="cpu")
    encoder.max_seq_length = SEQUENCE_LENGTH
    head = LogisticRegression(max_iter=1000).fit(encoder.encode(task.train.texts), task.train.targets)
    return lambda texts: head.predict(encoder.encode(texts))


if __name__ == "__main__":
    run(fit)
