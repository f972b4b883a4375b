"""Withheld answers: sets of labels, thresholds of precision and unknown texts, on training rows of AG News and TREC.

    python -m benchmarks.withheld [JOB ...]

Jobs: coverage, answers, unknown; by default all.

The vectors are those of `minilm`, without fine-tuning, and the classifier is logistic regression on them.
"""

import math
import sys
from typing import Any

import numpy as np
import tensorflow as tf
from scipy.stats import betabinom
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.evaluation.conformal import coverage_range, coverage_threshold, covered_texts, set_metrics
from textgraft.evaluation.selective import precision_threshold
from textgraft.tasks.novelty import Novelty

TEXTS, SPLITS, NEIGHBOURS = {"agnews": 4000, "trec": 2500}, 20, 10
COVERAGE_TRAIN, NEAR = {"agnews": 2000, "trec": 1000}, 0.02  # training texts of the job coverage
COVERAGES, PRECISIONS = (0.8, 0.9, 0.95, 0.98), (0.9, 0.95, 0.98)
TRAIN, KNOWN = 1500, 1500  # of unknown texts: training texts, and texts of which 5 % are rejected

Rows = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Run the jobs that the arguments name."""
    jobs = {"coverage": coverage_of_splits, "answers": withheld_answers, "unknown": unknown_texts}
    for job in sys.argv[1:] or jobs:
        jobs[job]()


def embedded(name: str, count: int | None = None) -> Rows:
    """Vectors and label indices of training texts, of a sample where a number is given."""
    data = tg.load_dataset(data_folder() / name, split="train")
    data = data if count is None else sample(data, count)
    return tg.TextEmbedder("minilm").predict(data), data.label_ids(data.label_names)


def coverage_of_splits() -> None:
    """Coverage of single splits of all training texts, and how many are expected to be near the target.

    The number of test texts that are covered has a beta-binomial distribution.
    """
    for name, trained in COVERAGE_TRAIN.items():
        vectors, targets = embedded(name)
        train, others = np.split(np.random.default_rng(0).permutation(len(targets)), [trained])
        model = LogisticRegression(max_iter=500).fit(vectors[train], targets[train])
        probabilities, targets = model.predict_proba(vectors[others]), targets[others]
        texts = len(others) // 2
        for target in COVERAGES:
            covered = []
            for seed in range(SPLITS):
                calibration, test = np.split(np.random.default_rng(seed).permutation(len(others)), [texts])
                threshold = coverage_threshold(targets[calibration], probabilities[calibration], target)
                covered.append(set_metrics(targets[test], probabilities[test] >= threshold)["set_coverage"])
            inside, tests = covered_texts(texts, target), len(others) - texts
            drawn = betabinom(tests, inside, texts + 1 - inside)
            low, high = ((target + side * NEAR) * tests for side in (-1, 1))
            report(
                "withheld_coverage", data=name, target=target, calibration=texts, test=tests,
                mean=round(float(np.mean(covered)), 4), range=[round(min(covered), 4), round(max(covered), 4)],
                near=sum(abs(value - target) <= NEAR for value in covered), splits=SPLITS,
                expected_near=round(SPLITS * float(drawn.cdf(high) - drawn.cdf(math.ceil(low) - 1)), 1),
                expected_range=[round(value, 4) for value in coverage_range(texts, target)],
            )  # fmt: skip


def withheld_answers() -> None:
    """Sets of labels and thresholds of precision."""
    for name, count in TEXTS.items():
        report_answers(name, embedded(name, count))


def unknown_texts() -> None:
    """Texts that the training lacks."""
    rows = {name: embedded(name, count) for name, count in TEXTS.items()}
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
