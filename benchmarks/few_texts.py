"""Few labels: the three passes and the random head that many texts get, and what `fit` does where nothing is said."""

from typing import Any

import textgraft as tg
from benchmarks.report import data_folder, report, sample

JOBS = (("imdb", 16), ("imdb", 64), ("imdb", 250), ("agnews", 64))
ASKED = ({"epochs": 3, "head": "gradient"}, {"head": "gradient"}, {})
SEEDS, TESTED = (0, 1, 2), 2000


def main() -> None:
    """Fine-tune all of minilm; a seed draws training texts and head, `fit` the rest by default."""
    for name, rows in JOBS:
        whole, test = tg.load_dataset(data_folder() / name, split="train,test", label="label")
        test = sample(test, TESTED)
        for asked in ASKED:
            report("few_texts", data=name, labels=rows, asked=asked, **_trained(whole, rows, test, asked))


def _trained(whole: tg.Dataset, rows: int, test: tg.Dataset, asked: dict[str, Any]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"accuracy": [], "epochs": [], "seconds": []}
    for seed in SEEDS:
        model = tg.TextClassifier("minilm", whole.label_names, seed=seed)
        history = model.fit(sample(whole, rows, seed), **asked)
        found["accuracy"].append(model.evaluate(test)["accuracy"])
        found["epochs"].append(len(history.records))
        found["seconds"].append(round(history.seconds, 1))
    return found


if __name__ == "__main__":
    main()
