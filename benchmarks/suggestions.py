"""Labels that a frozen minilm needs: those that `textgraft suggest` chooses, and random ones.

    python -m benchmarks.suggestions [DATA ...]

For each data set and seed, training texts are split at random into a pool and held-out texts, which are embedded once.
The head is that of `--fine-tune none`: logistic regression with a temperature of held-out folds. It starts with a few
random labels, at least one of each kind, and gets more in rounds; the result is the number of labels at which its
accuracy on the held-out texts is within 2 points of that with all labels of the pool, in two rounds in a row.
"""

import argparse
from types import SimpleNamespace
from typing import Any, NamedTuple

import keras
import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, require_data
from textgraft.suggestions.selection import select_informative
from textgraft.tasks.objectives.single_label import SingleLabel, best_temperature
from textgraft.tasks.text_features import features_of_outputs
from textgraft.training.logistic import compute_logits, fit_logistic_layer, held_out_logits

SEEDS = (0, 1, 2, 3, 4)
ALLOWED_LOSS = 0.02
FOLDS = 5
CHOICES = ("suggested", "random")


class Job(NamedTuple):
    """Sizes of the parts of a data set: labels at first, in each round and in the pool, and held-out texts."""

    first: int
    round: int
    pool: int
    held_out: int


JOBS = {"agnews": Job(40, 40, 3000, 3000), "trec": Job(100, 100, 4000, 1452)}


class Texts(NamedTuple):
    """Vectors of texts, float32 (n, dim), their label ids, int (n,), and the names of labels."""

    vectors: np.ndarray
    targets: np.ndarray
    labels: list[str]


def main() -> None:
    """Report the labels that each choice needs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="*", default=[*JOBS])
    require_data()
    for name in parser.parse_args().data:
        texts, job = embedded(name), JOBS[name]
        for seed in SEEDS:
            order = np.random.default_rng(seed).permutation(len(texts.targets))[: job.held_out + job.pool]
            held_out, pool = order[: job.held_out], order[job.held_out :]
            full = _accuracy(texts, pool, held_out)
            for choice in CHOICES:
                accuracies = rounds(texts, job, pool, held_out, choice, full - ALLOWED_LOSS, seed)
                labels = job.first + job.round * (len(accuracies) - 1)
                report("suggestions", data=name, seed=seed, choice=choice, pool=job.pool, full=round(full, 4),
                       labels=labels, share=round(labels / job.pool, 3), accuracies=accuracies)  # fmt: skip


def embedded(name: str) -> Texts:
    """Training texts of a data set with their embeddings."""
    data = tg.load_dataset(data_folder() / name, split="train", label="label")
    rows = np.random.default_rng(0).permutation(len(data))[: JOBS[name].pool + JOBS[name].held_out]
    data = data.take(np.sort(rows))
    vectors = tg.TextEmbedder("minilm", normalize=False).predict([row.text for row in data])
    return Texts(vectors, data.label_ids(data.label_names), list(map(str, data.label_names)))


def rounds(
    texts: Texts, job: Job, pool: np.ndarray, held_out: np.ndarray, choice: str, goal: float, seed: int
) -> list[float]:
    """The accuracy in each round, up to the first of two that reach the goal."""
    firsts = np.unique(texts.targets[pool], return_index=True)[1]
    order = np.concatenate([pool[firsts], np.delete(pool, firsts)])
    labelled, accuracies = order[: job.first], list[float]()
    while len(labelled) < len(pool):
        accuracies.append(round(_accuracy(texts, labelled, held_out), 4))
        if len(accuracies) > 1 and min(accuracies[-2:]) >= goal:
            return accuracies[:-1]
        others = order[~np.isin(order, labelled)]
        chosen = _suggested(texts, labelled, others, job.round, seed) if choice == "suggested" else others[: job.round]
        labelled = np.concatenate([labelled, chosen])
    return accuracies


def _fitted(texts: Texts, rows: np.ndarray) -> keras.layers.Dense:
    layer = keras.layers.Dense(len(texts.labels))
    layer.build((None, texts.vectors.shape[1]))
    fit_logistic_layer(layer, _examples(texts, rows))
    return layer


def _accuracy(texts: Texts, rows: np.ndarray, held_out: np.ndarray) -> float:
    logits = compute_logits(_fitted(texts, rows), _examples(texts, held_out))
    return float((logits.argmax(axis=1) == texts.targets[held_out]).mean())


def _suggested(texts: Texts, labelled: np.ndarray, others: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows of the others that are to be labelled next."""
    examples = _examples(texts, labelled)
    folds = np.random.default_rng(seed).integers(0, FOLDS, len(labelled))
    folds[np.unique(texts.targets[labelled], return_index=True)[1]] = -1  # the rest has all labels
    logits, is_held_out = held_out_logits(examples, folds, len(texts.labels)), folds >= 0
    temperature = best_temperature(texts.targets[labelled][is_held_out], logits[is_held_out])
    outputs = compute_logits(_fitted(texts, labelled), _examples(texts, others))
    features = features_of_outputs(SingleLabel(texts.labels, temperature), texts.vectors[others], outputs)
    return others[select_informative(features.vectors, features.residuals, count, seed, lambda row: True)]


def _examples(texts: Texts, rows: np.ndarray) -> Any:
    """Examples as the functions of logistic regression take them."""
    return SimpleNamespace(inputs=SimpleNamespace(values=texts.vectors[rows]), targets=texts.targets[rows])


if __name__ == "__main__":
    main()
