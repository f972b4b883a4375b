"""Withheld answers: sets of labels, thresholds of precision and unknown texts, on training rows of AG News and TREC.

The vectors are those of `minilm`, without fine-tuning, and the classifier is logistic regression on them.
"""

from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.evaluation.conformal import coverage_threshold, set_metrics
from textgraft.evaluation.selective import precision_threshold
from textgraft.tasks.novelty import Novelty

TEXTS, SPLITS, NEIGHBOURS = {"agnews": 4000, "trec": 2500}, 20, 10
COVERAGES, PRECISIONS = (0.8, 0.9, 0.95, 0.98), (0.9, 0.95, 0.98)
TRAIN, KNOWN = 1500, 1500  # of unknown texts: training texts, and texts of which 5 % are rejected

Rows = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Embed the texts and report all figures."""
    embedder, rows = tg.TextEmbedder("minilm"), {}
    for name, count in TEXTS.items():
        data = sample(tg.load_dataset(data_folder() / name, split="train"), count)
        rows[name] = embedder.predict(data), data.label_ids(data.label_names)
    for name, part in rows.items():
        report_answers(name, part)
    report_unknown("agnews", rows["agnews"], "trec", rows["trec"][0])
    report_unknown("trec", rows["trec"], "agnews", rows["agnews"][0])
    vectors, targets = rows["agnews"]
    for label in range(targets.max() + 1):
        known = targets != label
        others = targets[known] - (targets[known] > label)
        report_unknown("agnews", (vectors[known], others), f"label {label} of agnews", vectors[~known])


def report_answers(name: str, rows: Rows) -> None:
    """Train on a quarter; half of the others calibrates and half tests, in 20 splits."""
    vectors, targets = rows
    order = np.random.default_rng(0).permutation(len(targets))
    train, others = np.split(order, [len(order) // 4])
    model = LogisticRegression(max_iter=500).fit(vectors[train], targets[train])
    probabilities, targets = model.predict_proba(vectors[others]), targets[others]
    right = probabilities.argmax(axis=1) == targets
    adaptive = cumulated(probabilities)
    splits = [
        np.split(np.random.default_rng(seed).permutation(len(targets)), [len(targets) // 2]) for seed in range(SPLITS)
    ]
    for coverage in COVERAGES:
        sets: dict[str, list[dict[str, Any]]] = {"threshold": [], "adaptive": []}
        for calibration, test in splits:
            threshold = coverage_threshold(targets[calibration], probabilities[calibration], coverage)
            limit = coverage_threshold(targets[calibration], 1 - adaptive[calibration], coverage)
            sets["threshold"].append(set_metrics(targets[test], probabilities[test] >= threshold))
            sets["adaptive"].append(set_metrics(targets[test], 1 - adaptive[test] >= limit))
        for kind, metrics in sets.items():
            covered = [part["set_coverage"] for part in metrics]
            size = float(np.mean([part["set_size"] for part in metrics]))
            spread = (round(min(covered), 3), round(max(covered), 3))
            figures = {"coverage": round(float(np.mean(covered)), 3), "range": spread, "size": round(size, 2)}
            report("withheld_sets", data=name, target=coverage, sets=kind, **figures)
    for target in PRECISIONS:
        results = []
        for calibration, test in splits:
            proved = precision_threshold(probabilities[calibration].max(axis=1), right[calibration], target)
            if proved is not None:
                answered = probabilities[test].max(axis=1) >= proved.threshold
                results.append((right[test][answered].mean(), answered.mean()))
        below = sum(bool(precision < target) for precision, _ in results)
        means = np.mean(results, axis=0).round(3).tolist() if results else None
        report("withheld_precision", data=name, target=target, thresholds=len(results), below=below, means=means)


def cumulated(probabilities: np.ndarray) -> np.ndarray:
    """For each label, the sum of the probabilities down to its own (Romano et al., 2020), (n, labels)."""
    order = np.argsort(-probabilities, axis=1)
    sums = np.empty_like(probabilities)
    np.put_along_axis(sums, order, np.take_along_axis(probabilities, order, axis=1).cumsum(axis=1), axis=1)
    return sums


def report_unknown(name: str, rows: Rows, unknown_name: str, unknown: np.ndarray) -> None:
    """Area under the curve, and the share of unknown texts that is rejected where 5 % of known ones are."""
    order = np.random.default_rng(0).permutation(len(rows[1]))
    train, known = order[: min(TRAIN, len(order) // 2)], order[len(order) // 2 :][:KNOWN]
    vectors, targets = rows[0][train], rows[1][train]
    novelty, model = Novelty.of_vectors(vectors, targets, targets.max() + 1), LogisticRegression(max_iter=500)
    model.fit(vectors, targets)
    background = Novelty.of_vectors(vectors, np.zeros(len(vectors), np.int64), 1)

    def scores(part: np.ndarray) -> dict[str, np.ndarray]:
        distances = novelty(tf.constant(part)).numpy()[:, 0]
        cosines = unit(part) @ unit(vectors).T
        return {
            "distance": distances,
            "relative distance": distances - background(tf.constant(part)).numpy()[:, 0],
            "nearest texts": -np.sort(cosines, axis=1)[:, -NEIGHBOURS],
            "probability": -model.predict_proba(part).max(axis=1),
        }

    of_known, of_unknown = scores(rows[0][known]), scores(unknown)
    for kind, values in of_known.items():
        is_unknown = np.repeat([0, 1], [len(values), len(of_unknown[kind])])
        area = roc_auc_score(is_unknown, np.concatenate([values, of_unknown[kind]]))
        rejected = float((of_unknown[kind] > np.quantile(values, 0.95)).mean())
        report("unknown", data=name, unknown=unknown_name, score=kind, area=round(area, 3), rejected=round(rejected, 2))


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


if __name__ == "__main__":
    main()
