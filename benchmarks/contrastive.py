"""Few labels: fine-tuning as by default, with descriptions of the labels, and with the contrastive loss too.

Arguments name the jobs, such as imdb-64; by default all.
"""

import sys
from pathlib import Path
from typing import Any

import textgraft as tg
from benchmarks.report import data_folder, report, sample

JOBS = {f"{name}-{rows}": (name, rows) for name in ("imdb", "agnews") for rows in (16, 64)}
DESCRIPTIONS = Path(__file__).with_name("label_descriptions")
SEEDS, TEST_TEXTS = (0, 1, 2), 2000


def main() -> None:
    """A seed draws the training texts and seeds the training."""
    for job in sys.argv[1:] or JOBS:
        name, rows = JOBS[job]
        train, test = tg.load_dataset(data_folder() / name, split="train,test", label="label")
        test, descriptions = sample(test, TEST_TEXTS), DESCRIPTIONS / f"{name}.toml"
        for settings, options in (
            ({}, {}),
            ({}, {"contrastive": True}),
            ({"descriptions": descriptions}, {}),
            ({"descriptions": descriptions}, {"contrastive": True}),
        ):
            figures = [_train(sample(train, rows, seed), test, settings, {**options, "seed": seed}) for seed in SEEDS]
            accuracy, seconds = zip(*figures, strict=True)
            options = {"descriptions": bool(settings), **options}
            report("contrastive", data=name, labels=rows, options=options, accuracy=accuracy, seconds=seconds)


def _train(
    train: tg.Dataset, test: tg.Dataset, settings: dict[str, Any], options: dict[str, Any]
) -> tuple[float, float]:
    """Test accuracy, and seconds of the steps."""
    model = tg.TextClassifier("minilm", train.label_names, seed=options["seed"], **settings)
    history = model.fit(train, progress=False, **options)
    return model.evaluate(test)["accuracy"], round(history.seconds, 1)


if __name__ == "__main__":
    main()
