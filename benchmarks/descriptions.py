"""Test accuracy of a frozen minilm with and without descriptions of the labels, for few texts and for none.

Long texts are read as by `textgraft train`, in windows, and the vectors of a text are averaged over its windows.
"""

import sys
from pathlib import Path

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.training.recipes import frozen_options

DATA = ("imdb", "agnews", "trec")
TRAINING_TEXTS = (16, 64, 256)
SEEDS, TEST_TEXTS = (0, 1, 2), 2000
DESCRIPTIONS = Path(__file__).with_name("label_descriptions")


def main() -> None:
    """Arguments name the data sets, by default all. A seed draws the texts; test texts are embedded once."""
    reading = frozen_options("minilm", {"pairs": False}, {})
    embedder = tg.TextEmbedder("minilm", normalize=False, **reading)
    for name in sys.argv[1:] or DATA:
        train, test = tg.load_dataset(data_folder() / name, split="train,test", label="label")
        test = sample(test, TEST_TEXTS) if len(test) > TEST_TEXTS else test
        vectors, path = embedder.predict(test), DESCRIPTIONS / f"{name}.toml"
        model = tg.TextClassifier(embedder.backbone, train.label_names, descriptions=path, **reading)
        model.zero_shot()
        report("descriptions", data=name, labels=0, descriptions=True, accuracy=_accuracy(model, test, vectors))
        for rows in TRAINING_TEXTS:
            for descriptions in (None, path):
                accuracy = []
                for seed in SEEDS:
                    options = {"seed": seed, "descriptions": descriptions, **reading}
                    model = tg.TextClassifier(embedder.backbone, train.label_names, **options)
                    model.fit(sample(train, rows, seed), fine_tune="none", ngrams=False, seed=seed)
                    accuracy.append(_accuracy(model, test, vectors))
                report("descriptions", data=name, labels=rows, descriptions=bool(descriptions), accuracy=accuracy)


def _accuracy(model: tg.TextClassifier, test: tg.Dataset, vectors: np.ndarray) -> float:
    logits = np.asarray(model.head(vectors))
    predicted = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
    return round(float(np.mean(predicted == test.label_ids(model.labels))), 4)


if __name__ == "__main__":
    main()
