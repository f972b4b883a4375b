"""IMDb with 1,000 labels, with and without going on first from 20,000 reviews that have none: three seeds of each.

A seed draws the 1,000 reviews and the head, `fit` the rest by default; all is the same with and without. Accuracy is
that on all 25,000 test reviews, which no training text is among.
"""

import tempfile
from pathlib import Path

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.text.cleaning import Cleaning

UNLABELLED, LABELS, LENGTH, SEEDS = 20_000, 1000, 256, (0, 1, 2)
CLEANING = Cleaning(strip_html=True)


def main() -> None:
    """Fine-tune minilm, let it learn from the reviews without labels, and fine-tune what comes of that."""
    without = _accuracies("minilm")
    with tempfile.TemporaryDirectory() as folder:
        adapted = Path(folder) / "adapted"
        _adapt(adapted)
        found = _accuracies(str(adapted))
    report(
        "adapted",
        without=[round(value, 4) for value in without],
        adapted=[round(value, 4) for value in found],
        mean_gain=round(float(np.mean(found) - np.mean(without)), 4),
    )


def _accuracies(preset: str) -> list[float]:
    whole, test = (
        tg.load_dataset(data_folder() / "imdb", split=part, label="label", text="text") for part in ("train", "test")
    )
    found = []
    for seed in SEEDS:
        train = sample(whole, LABELS, seed)
        model = tg.TextClassifier(
            preset, train.label_names, sequence_length=LENGTH, truncation="head+tail", cleaning=CLEANING, seed=seed
        )
        model.fit(train, epochs=3)
        metrics = model.evaluate(test)
        found.append(metrics["accuracy"])
        report("adapted_labels", preset=Path(preset).name, seed=seed, accuracy=metrics["accuracy"])
    return found


def _adapt(folder: Path) -> None:
    reviews = tg.load_dataset(data_folder() / "imdb" / "unlabelled.parquet", text="text")
    rows = np.sort(np.random.default_rng(0).permutation(len(reviews))[:UNLABELLED])
    model = tg.MaskFiller("minilm", sequence_length=LENGTH, cleaning=CLEANING)
    history = model.fit(reviews.take(rows), epochs=1)
    found = model.record["metrics"]["validation"]
    report(
        "adapted_perplexity",
        before=round(found["val_perplexity_before"], 1),
        after=round(found["val_perplexity"], 1),
        fit_seconds=round(history.seconds, 1),
    )
    model.save(folder)


if __name__ == "__main__":
    main()
