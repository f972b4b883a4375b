"""Which epoch generalizes best, beside what a tenth of the training texts says and which epoch `fit` keeps.

Judged on training texts that no run saw, so that the test sets have no part in the choice of the rule.
"""

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.data.splits import VALIDATION_SHARE

RUNS = (
    ("trec", 4600, 852, (1, 2, 3), {}),
    ("imdb", 1000, 2000, (0, 1, 2), {"sequence_length": 256, "truncation": "head+tail"}),
)


def main() -> None:
    """Train on samples of the training sets: once judged by the tenth that `fit` holds back, once by texts held out."""
    for name, rows, held_out, seeds, architecture in RUNS:
        data = tg.load_dataset(data_folder() / name, split="train", label="label")
        for seed in seeds:
            sample, rest = data.split(rows / len(data), seed=seed)
            rest = rest.take(np.random.default_rng(0).permutation(len(rest))[:held_out])
            train, validation = sample.split(1 - VALIDATION_SHARE, seed=seed)
            histories = []
            for judge in (validation, rest):
                model = tg.TextClassifier("minilm", sample.label_names, seed=seed, **architecture)
                histories.append(model.fit(train, judge, seed=seed, epochs=3, patience=3))
            first, second = ([round(row["val_accuracy"], 4) for row in one.records] for one in histories)
            report(
                "kept_epoch", data=name, seed=seed, validation_accuracy=first, held_out_accuracy=second,
                kept=histories[0].best_epoch,
            )  # fmt: skip


if __name__ == "__main__":
    main()
