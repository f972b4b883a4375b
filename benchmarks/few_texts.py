"""Few labels: three epochs with a random head, as for many texts, against the defaults of `fit` for few texts."""

from typing import Any

import textgraft as tg
from benchmarks.report import data_folder, report, sample

JOBS = (("imdb", 16), ("imdb", 64), ("imdb", 250), ("agnews", 64))
OPTIONS = ({"epochs": 3, "head": "gradient"}, {"head": "gradient"}, {})
SEEDS, TEST_TEXTS = (0, 1, 2), 2000


def main() -> None:
    """Fine-tune minilm; a seed draws the training texts and initializes the head."""
    for name, rows in JOBS:
        train, test = tg.load_dataset(data_folder() / name, split="train,test", label="label")
        test = sample(test, TEST_TEXTS)
        for options in OPTIONS:
            report("few_texts", data=name, labels=rows, options=options, **_train(train, rows, test, options))


def _train(train: tg.Dataset, rows: int, test: tg.Dataset, options: dict[str, Any]) -> dict[str, list[float]]:
    results: dict[str, list[float]] = {"accuracy": [], "epochs": [], "seconds": []}
    for seed in SEEDS:
        model = tg.TextClassifier("minilm", train.label_names, seed=seed)
        history = model.fit(sample(train, rows, seed), **options)
        results["accuracy"].append(model.evaluate(test)["accuracy"])
        results["epochs"].append(len(history.records))
        results["seconds"].append(round(history.seconds, 1))
    return results


if __name__ == "__main__":
    main()
