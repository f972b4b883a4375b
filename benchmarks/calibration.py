"""Calibration: loss and calibration error with and without the temperature that `fit` determines."""

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.evaluation.classification_metrics import log_loss

JOBS = (("imdb", 16), ("imdb", 64), ("imdb", 250), ("imdb", 1000), ("agnews", 64), ("agnews", 2000))
SEEDS, TEST_TEXTS, BINS = (0, 1, 2), 2000, 15


def main() -> None:
    """Fine-tune minilm with default settings; a seed draws the training texts and initializes the head."""
    for name, rows in JOBS:
        train, test = tg.load_dataset(data_folder() / name, split="train,test", label="label")
        results = [_measure(sample(train, rows, seed), sample(test, TEST_TEXTS), seed) for seed in SEEDS]
        columns = {key: [round(result[key], 4) for result in results] for key in results[0]}
        report("calibration", data=name, labels=rows, **columns)


def _measure(train: tg.Dataset, test: tg.Dataset, seed: int) -> dict[str, float]:
    model = tg.TextClassifier("minilm", train.label_names, seed=seed)
    model.fit(train, ngrams=False)
    calibrated, targets = model.predict_proba(test), test.label_ids(model.labels)
    temperature = model.objective.temperature
    model.objective.temperature = 1.0
    uncalibrated = model.predict_proba(test)
    return {
        "accuracy": float(np.mean(calibrated.argmax(axis=1) == targets)),
        "temperature": temperature,
        "loss": log_loss(targets, calibrated),
        "loss_without": log_loss(targets, uncalibrated),
        "error": calibration_error(targets, calibrated),
        "error_without": calibration_error(targets, uncalibrated),
    }


def calibration_error(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error (Guo et al., 2017): mean gap between confidence and accuracy over bins."""
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, confidence - hit)).sum() / len(targets))


if __name__ == "__main__":
    main()
