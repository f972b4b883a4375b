"""IMDb with 1,000 labels, with and without continued pretraining on 20,000 unlabelled reviews: three seeds of each.

A seed draws the 1,000 reviews and initializes the head; everything else is the same with and without. Accuracy is
measured on all 25,000 test reviews.
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
    """Fine-tune minilm, continue its pretraining on the unlabelled reviews, and fine-tune the result."""
    without = _accuracies("minilm")
    with tempfile.TemporaryDirectory() as folder:
        adapted = Path(folder) / "adapted"
        _adapt(adapted)
        with_adaptation = _accuracies(str(adapted))
    report(
        "adapted",
        without=[round(value, 4) for value in without],
        adapted=[round(value, 4) for value in with_adaptation],
        mean_gain=round(float(np.mean(with_adaptation) - np.mean(without)), 4),
    )


def _accuracies(preset: str) -> list[float]:
    full_train, test = (
        tg.load_dataset(data_folder() / "imdb", split=part, label="label", text="text") for part in ("train", "test")
    )
    accuracies = []
    for seed in SEEDS:
        train = sample(full_train, LABELS, seed)
        model = tg.TextClassifier(
            preset, train.label_names, sequence_length=LENGTH, truncation="head+tail", cleaning=CLEANING, seed=seed
        )
        model.fit(train, epochs=3)
        metrics = model.evaluate(test)
        accuracies.append(metrics["accuracy"])
        report("adapted_labels", preset=Path(preset).name, seed=seed, accuracy=metrics["accuracy"])
    return accuracies


def _adapt(folder: Path) -> None:
    reviews = tg.load_dataset(data_folder() / "imdb" / "unlabelled.parquet", text="text")
    rows = np.sort(np.random.default_rng(0).permutation(len(reviews))[:UNLABELLED])
    model = tg.MaskFiller("minilm", sequence_length=LENGTH, cleaning=CLEANING)
    history = model.fit(reviews.take(rows), epochs=1)
    metrics = model.record["metrics"]["validation"]
    report(
        "adapted_perplexity",
        before=round(metrics["val_perplexity_before"], 1),
        after=round(metrics["val_perplexity"], 1),
        fit_seconds=round(history.seconds, 1),
    )
    model.save(folder)


if __name__ == "__main__":
    main()
