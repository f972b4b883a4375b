"""Test accuracy of the two ways to train a head on the embeddings of a frozen minilm."""

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample

JOBS = (("imdb", 64), ("imdb", 1000), ("agnews", 64), ("agnews", 2000), ("trec", None))
SEEDS, TEST_TEXTS = (0, 1, 2), 2000


def main() -> None:
    """A seed draws the training and validation texts and initializes the weights; test texts are embedded once."""
    embedder = tg.TextEmbedder("minilm", normalize=False)
    vectors: dict[str, np.ndarray] = {}
    for name, rows in JOBS:
        train, test = tg.load_dataset(data_folder() / name, split="train,test", label="label")
        test = sample(test, TEST_TEXTS) if len(test) > TEST_TEXTS else test
        if name not in vectors:
            vectors[name] = embedder.predict(test)
        for head in ("gradient", "logistic"):
            accuracy = [_accuracy(train, rows, head, seed, test, vectors[name]) for seed in SEEDS]
            report("frozen_heads", data=name, labels=rows or len(train), head=head, accuracy=accuracy)


def _accuracy(
    train: tg.Dataset, rows: int | None, head: str, seed: int, test: tg.Dataset, vectors: np.ndarray
) -> float:
    model = tg.TextClassifier("minilm", train.label_names, seed=seed)
    model.fit(sample(train, rows, seed) if rows else train, fine_tune="none", head=head, ngrams=False, seed=seed)
    logits = np.asarray(model.head(vectors))
    predicted = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
    return round(float(np.mean(predicted == test.label_ids(model.labels))), 4)


if __name__ == "__main__":
    main()
