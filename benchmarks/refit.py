"""Refit: accuracy, calibration and the error of the validation accuracy, with a tenth held out and with all texts.

Arguments name the jobs, such as imdb-64 or frozen-imdb-64; by default all. The texts that measure the accuracy are
training texts outside the run, so the test sets are not used.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks.calibration import calibration_error
from benchmarks.report import data_folder, report

DATA, ROWS = ("imdb", "agnews"), (16, 64)
JOBS = {
    **{f"{name}-{rows}": (name, rows, {}) for name in DATA for rows in ROWS},
    **{f"frozen-{name}-{rows}": (name, rows, {"fine_tune": "none"}) for name in DATA for rows in (*ROWS, 250, 1000)},
}
DESCRIPTIONS = Path(__file__).with_name("label_descriptions")
SEEDS, HELD_OUT = (0, 1, 2), 400


def main() -> None:
    """A seed draws the training texts and seeds the training."""
    for job in sys.argv[1:] or JOBS:
        name, rows, options = JOBS[job]
        data = tg.load_dataset(data_folder() / name, split="train", label="label")
        for described in (False, True):
            settings = {"descriptions": DESCRIPTIONS / f"{name}.toml"} if described else {}
            for refit in (False, True):
                figures = [_measure(data, rows, seed, settings, {**options, "refit": refit}) for seed in SEEDS]
                columns = {key: [round(figure[key], 4) for figure in figures] for key in figures[0]}
                report("refit", job=job, descriptions=described, refit=refit, **columns)


def _measure(
    data: tg.Dataset, rows: int, seed: int, settings: dict[str, Any], options: dict[str, Any]
) -> dict[str, float]:
    train, rest = data.split(rows / len(data), seed=seed)
    held_out = rest.take(np.random.default_rng(0).permutation(len(rest))[:HELD_OUT])
    model = tg.TextClassifier("minilm", data.label_names, seed=seed, **settings)
    history = model.fit(train, progress=False, ngrams=False, seed=seed, **options)
    probabilities, targets = model.predict_proba(held_out), held_out.label_ids(model.labels)
    accuracy = float(np.mean(probabilities.argmax(axis=1) == targets))
    return {
        "accuracy": accuracy,
        "calibration_error": calibration_error(targets, probabilities),
        "estimate_error": abs(model.record["metrics"]["validation"]["val_accuracy"] - accuracy),
        "seconds": history.seconds,
    }


if __name__ == "__main__":
    main()
