"""Named entities from few sentences of WNUT-17: three epochs of fine-tuning, 100 steps, and the default number.

    python -m benchmarks.few_entities [dev]

Strict span F1 on the test texts, or on those of the development set, by which the default was chosen.
"""

import sys
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report

SENTENCES, SEEDS = (50, 200), (0, 1, 2)
BATCH_SIZE, STEPS = 16, 100  # the default batch size, and the number of steps by default for texts with one label


def main() -> None:
    """A seed draws the sentences and seeds the training; a tenth of the sentences is held out in it."""
    part = "dev" if "dev" in sys.argv[1:] else "test"
    train, test = (tg.load_tagged(data_folder() / "wnut17" / f"{name}.conll") for name in ("train", part))
    for sentences in SENTENCES:
        epochs = -(-STEPS // -(-9 * sentences // 10 // BATCH_SIZE))
        for name, options in (("3 epochs", {"epochs": 3}), (f"{STEPS} steps", {"epochs": epochs}), ("default", {})):
            figures = [_train(train, test, sentences, seed, options) for seed in SEEDS]
            f1, seconds = zip(*figures, strict=True)
            report("few_entities", sentences=sentences, tested_on=part, training=name, f1=f1, seconds=seconds)


def _train(
    train: tg.TaggedDataset, test: tg.TaggedDataset, sentences: int, seed: int, options: dict[str, Any]
) -> tuple[float, float]:
    """F1, and seconds of the steps."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(train))[:sentences])
    model = tg.TokenClassifier("minilm", train.label_names, seed=seed)
    history = model.fit(train.take(rows), progress=False, seed=seed, **options)
    return round(model.evaluate(test)["f1"], 4), round(history.seconds, 1)


if __name__ == "__main__":
    main()
