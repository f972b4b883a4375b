"""Accuracy of the recipes of `textgraft train --quality`, with and without n-grams, on held-out training texts.

    python -m benchmarks.recipes [RECIPE ...]

The test sets are not used, so that recipes and defaults can be chosen by the results. A seed draws the texts.
"""

import sys

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.training.recipes import RECIPES

# Data set, texts to train on, held-out texts.
JOBS = (("imdb", 1000, 1000), ("agnews", 2000, 1000), ("trec", None, 500))
SEEDS = (0, 1, 2)


def main() -> None:
    """Train each recipe on each data set; one whose options change nothing on short texts is not run on these."""
    for recipe in sys.argv[1:] or RECIPES:
        for name, rows, held_out in JOBS:
            if recipe == "best" and name != "imdb":  # all texts are shorter than the default sequence length
                continue
            data = tg.load_dataset(data_folder() / name, split="train", label="label")
            for seed in SEEDS:
                report("recipes", recipe=recipe, data=name, seed=seed, **_train(recipe, data, rows, held_out, seed))


def _train(recipe: str, data: tg.Dataset, rows: int | None, held_out: int, seed: int) -> dict[str, float]:
    """Train on `rows` of the texts, or on all that are not held out."""
    order = np.random.default_rng(1000 + seed).permutation(len(data))
    test, others = data.take(np.sort(order[:held_out])), data.take(np.sort(order[held_out:]))
    train = sample(others, rows, seed) if rows else others
    options = RECIPES[recipe]
    model = tg.TextClassifier("minilm", data.label_names, seed=seed, **options.model)
    history = model.fit(train, progress=False, ngrams=True, seed=seed, **options.fit)
    with_ngrams = model.evaluate(test)["accuracy"]
    model.ngrams = None
    accuracy = model.evaluate(test)["accuracy"]
    return {"accuracy": accuracy, "accuracy_with_ngrams": with_ngrams, "fit_seconds": round(history.seconds, 1)}


if __name__ == "__main__":
    main()
