"""How far to believe probabilities: loss and calibration error, with the temperature that `fit` leaves and without."""

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.evaluation.classification_metrics import log_loss

JOBS = (("imdb", 16), ("imdb", 64), ("imdb", 250), ("imdb", 1000), ("agnews", 64), ("agnews", 2000))
SEEDS, TESTED, BINS = (0, 1, 2), 2000, 15


def main() -> None:
    """Fine-tune all of minilm by its defaults; a seed draws training texts and head, `fit` the rest by default."""
    for name, rows in JOBS:
        whole, test = tg.load_dataset(data_folder() / name, split="train,test", label="label")
        found = [_found(sample(whole, rows, seed), sample(test, TESTED), seed) for seed in SEEDS]
        columns = {key: [round(one[key], 4) for one in found] for key in found[0]}
        report("calibration", data=name, labels=rows, **columns)


def _found(train: tg.Dataset, test: tg.Dataset, seed: int) -> dict[str, float]:
    model = tg.TextClassifier("minilm", train.label_names, seed=seed)
    model.fit(train)
    given, targets = model.predict_proba(test), test.label_ids(model.labels)
    temperature = model.objective.temperature
    model.objective.temperature = 1.0
    plain = model.predict_proba(test)
    return {
        "accuracy": float(np.mean(given.argmax(axis=1) == targets)),
        "temperature": temperature,
        "loss": log_loss(targets, given),
        "loss_without": log_loss(targets, plain),
        "error": _error(targets, given),
        "error_without": _error(targets, plain),
    }


def _error(targets: np.ndarray, probabilities: np.ndarray) -> float:
    """Expected calibration error (Guo et al., 2017): in bins of confidence, how far that is from the share of hits."""
    sure, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(bins, sure - hit)).sum() / len(targets))


if __name__ == "__main__":
    main()
