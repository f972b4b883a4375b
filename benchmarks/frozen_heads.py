"""The two ways to train a head alone, on the vectors of a frozen minilm: accuracy on test texts."""

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample

JOBS = (("imdb", 64), ("imdb", 1000), ("agnews", 64), ("agnews", 2000), ("trec", None))
SEEDS, TESTED = (0, 1, 2), 2000


def main() -> None:
    """A seed draws the training texts, those held back, and the weights; all test texts go through minilm once."""
    embedder = tg.TextEmbedder("minilm")
    vectors: dict[str, np.ndarray] = {}
    for name, rows in JOBS:
        whole, test = tg.load_dataset(data_folder() / name, split="train,test", label="label")
        test = sample(test, TESTED) if len(test) > TESTED else test
        if name not in vectors:
            vectors[name] = embedder.predict(test)
        for head in ("gradient", "logistic"):
            accuracy = [_accuracy(whole, rows, head, seed, test, vectors[name]) for seed in SEEDS]
            report("frozen_heads", data=name, labels=rows or len(whole), head=head, accuracy=accuracy)


def _accuracy(
    whole: tg.Dataset, rows: int | None, head: str, seed: int, test: tg.Dataset, vectors: np.ndarray
) -> float:
    model = tg.TextClassifier("minilm", whole.label_names, seed=seed)
    model.fit(sample(whole, rows, seed) if rows else whole, fine_tune="none", head=head, seed=seed)
    logits = np.asarray(model.head(vectors))
    found = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
    return round(float(np.mean(found == test.label_ids(model.labels))), 4)


if __name__ == "__main__":
    main()
