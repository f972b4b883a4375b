"""Which epoch generalizes best, beside what a tenth of the training texts says and which epoch `fit` keeps.

Judged on training texts that no run saw, so that the test sets have no part in the choice of the rule.
"""

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.training.progress import TrainingBar

RUNS = (
    ("trec", 4600, 852, (1, 2, 3), {}),
    ("imdb", 1000, 2000, (0, 1, 2), {"sequence_length": 256, "long": "head+tail"}),
)


class Judge(TrainingBar):
    """A bar that also predicts texts held out, after each epoch."""

    def __init__(self, model: tg.TextClassifier, held_out: tg.Dataset, epochs: int, texts: int) -> None:
        super().__init__(epochs, texts)
        self.accuracies: list[float] = []
        self._model = model
        self._held_out = held_out

    def epoch(self, record: dict[str, float]) -> None:
        """Judge."""
        super().epoch(record)
        found = np.array(self._model.predict(self._held_out), object)
        self.accuracies.append(round(float(np.mean(found == self._held_out.labels)), 4))


def main() -> None:
    """Train on samples of the training sets."""
    for name, rows, held_out, seeds, architecture in RUNS:
        data = tg.load_dataset(data_folder() / name, split="train", label="label")
        for seed in seeds:
            train, rest = data.split(rows / len(data), seed=seed)
            rest = rest.take(np.random.default_rng(0).permutation(len(rest))[:held_out])
            model = tg.TextClassifier("minilm", train.label_names, seed=seed, **architecture)
            judge = Judge(model, rest, epochs=3, texts=len(train))
            history = model.fit(train, watcher=judge, seed=seed, epochs=3)
            validation = [round(record["val_accuracy"], 4) for record in history.records]
            report(
                "kept_epoch", data=name, seed=seed, validation_accuracy=validation,
                held_out_accuracy=judge.accuracies, kept=history.best_epoch,
            )  # fmt: skip


if __name__ == "__main__":
    main()
