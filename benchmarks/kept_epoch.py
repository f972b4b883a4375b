"""Selection of the epoch: accuracy per epoch on the validation tenth and on held-out texts, and the epoch `fit` keeps.

The held-out texts come from the training set, so that the test sets do not influence the selection rule.
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
    """Train twice on the same sample: once validated on the tenth that `fit` holds back, once on held-out texts."""
    for name, rows, held_out_rows, seeds, architecture in RUNS:
        data = tg.load_dataset(data_folder() / name, split="train", label="label")
        for seed in seeds:
            sample, held_out = data.split(rows / len(data), seed=seed)
            held_out = held_out.take(np.random.default_rng(0).permutation(len(held_out))[:held_out_rows])
            train, validation = sample.split(1 - VALIDATION_SHARE, seed=seed)
            histories = []
            for evaluation_data in (validation, held_out):
                model = tg.TextClassifier("minilm", sample.label_names, seed=seed, **architecture)
                histories.append(
                    model.fit(train, validation=evaluation_data, seed=seed, epochs=3, patience=3, ngrams=False)
                )
            accuracies = [[round(row["val_accuracy"], 4) for row in history.records] for history in histories]
            report(
                "kept_epoch", data=name, seed=seed, validation_accuracy=accuracies[0], held_out_accuracy=accuracies[1],
                best_epoch=histories[0].best_epoch,
            )  # fmt: skip


if __name__ == "__main__":
    main()
