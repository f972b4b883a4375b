"""ReportFacts of reports without a model: results from arrays and lists."""

from datetime import UTC, datetime

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data.tags import Span
from textgraft.evaluation.classification_metrics import classification_metrics, label_set_metrics
from textgraft.evaluation.regression_metrics import regression_metrics
from textgraft.evaluation.span_metrics import span_metrics
from textgraft.report.facts import ReportFacts
from textgraft.report.results import ResultCollector
from textgraft.report.selected_texts import SelectedTexts
from textgraft.tasks.row_results import RowResult

HOSTILE = ("<script>alert(1)</script>", "\u202egnol", "x" * 10_000)
DATE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
TEXT = "Anna Bonn Carl & Co."
HISTORY = [
    {"epoch": 1, "loss": 0.9, "val_loss": 0.8, "val_accuracy": 0.6, "val_f1": 0.5},
    {"epoch": 2, "loss": 0.4, "val_loss": 0.5, "val_accuracy": 0.7, "val_f1": 0.6},
]
CONFIG = {
    "task": "text-classification",
    "preset": "minilm",
    "settings": {},
    "versions": {"textgraft": "0.1.0"},
    "fit": {"epochs": 2, "fine_tune": "all", "metric": "accuracy", "best_epoch": 2, "seconds": 3.5},
    "data": {
        "train": {
            "texts": 100,
            "source": "data.csv",
            "truncated": {"texts": 1, "tokens": 5},
            "labels": {"neg": 60, "pos": 40},
        }
    },
    "metrics": {},
}


def single_label_facts(labels=("neg", "pos"), texts=60, quoted=10, columns=None, thresholds=None, **changes):
    """ReportFacts of a classifier that is right in three of four texts.

    With a threshold `reject_above`, every tenth text is unlike those of the training.
    """
    thresholds = thresholds or {}
    random = np.random.default_rng(0)
    targets = random.integers(0, len(labels), texts)
    probabilities = random.dirichlet(np.ones(len(labels)), texts).astype(np.float32)
    is_right = random.random(texts) < 0.75
    probabilities[np.arange(texts), targets] += is_right
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    data = Dataset.from_lists([f"text {row} of {HOSTILE[row % 3]}" for row in range(texts)], targets.tolist())
    collector = ResultCollector("single-label", labels, SelectedTexts("single-label", quoted, 20))
    predictions = probabilities.argmax(axis=1)
    rows = []
    for target, prediction, scores in zip(targets, predictions, probabilities.tolist(), strict=True):
        error = 0.0 if target == prediction else max(scores)
        unknown = "reject_above" in thresholds and len(rows) % 10 == 0
        withheld = unknown or max(scores) < thresholds.get("abstain_below", 0)
        rows.append(RowResult(labels[target], labels[prediction], max(scores), error, scores, withheld, unknown))
    collector.add(data, rows, columns)
    facts = {
        "name": "sentiment",
        "config": {**CONFIG, "settings": {"labels": list(labels), **thresholds}},
        "history": HISTORY,
        "part": "test",
        "source": "reviews.csv",
        "metrics": classification_metrics(targets, probabilities, labels),
        "written": DATE,
        "results": collector.finish(),
        **changes,
    }
    return ReportFacts(**facts)


def set_facts(columns=None):
    """Facts of a classifier of sets of three labels."""
    labels = ("food", "price", "<b>room</b>")
    random = np.random.default_rng(1)
    targets = random.random((60, 3)) < 0.4
    probabilities = np.clip(targets * 0.5 + random.random((60, 3)) * 0.6, 0, 1).astype(np.float32)
    predicted = probabilities >= 0.5
    rows = []
    for true, flags, scores in zip(targets, predicted, probabilities.tolist(), strict=True):
        names = [[label for label, is_set in zip(labels, row, strict=True) if is_set] for row in (true, flags)]
        score = float(np.prod(np.where(flags, scores, 1 - np.array(scores))))
        rows.append(RowResult(*names, score, 0.0 if names[0] == names[1] else score, scores))
    settings = {"labels": list(labels), "problem": "multi-label", "thresholds": [0.5] * 3}
    metrics = label_set_metrics(targets, probabilities, np.full(3, 0.5), labels)
    return _facts("multi-label", labels, rows, settings, metrics, columns)


def number_facts(columns=None):
    """Facts of a regression."""
    random = np.random.default_rng(2)
    targets = random.normal(5, 2, 60)
    predictions = targets + random.normal(0, 1, 60)
    rows = [
        RowResult(true, predicted, predicted - true, abs(predicted - true))
        for true, predicted in zip(targets.tolist(), predictions.tolist(), strict=True)
    ]
    settings = {"problem": "regression", "mean": 5.0, "scale": 2.0}
    return _facts("regression", (), rows, settings, regression_metrics(targets, predictions, 2.0), columns)


def entity_facts(columns=None):
    """Facts of an entity recognizer that misses some entities, invents others and confuses labels."""
    labels = ("LOC", "PER", "<i>")
    random = np.random.default_rng(4)
    rows, true, predicted = [], [], []
    for _ in range(60):
        spans = [Span(start, start + 4, labels[random.integers(3)]) for start in (0, 5, 10) if random.random() < 0.7]
        answers = [
            span._replace(label=labels[random.integers(3)]) if random.random() < 0.2 else span
            for span in spans
            if random.random() < 0.8
        ]
        if random.random() < 0.2:
            answers.append(Span(16, 18, labels[0]))
        sides = [
            [{"text": TEXT[span.start : span.end], **span._asdict()} for span in side] for side in (spans, answers)
        ]
        scores = [{**item, "score": float(random.random())} for item in sides[1]]
        mean = float(np.mean([item["score"] for item in scores])) if scores else None
        rows.append(RowResult(sides[0], scores, mean, len(set(spans) ^ set(answers))))
        true.append(spans)
        predicted.append(answers)
    metrics = {"texts": 60, "loss": 0.5, **span_metrics(true, predicted)}
    return _facts("entities", labels, rows, {"labels": list(labels)}, metrics, columns, task="token-classification")


def _facts(problem, labels, rows, settings, metrics, columns, task="text-classification"):
    collector = ResultCollector(problem, labels, SelectedTexts(problem, 10, 20))
    data = Dataset.from_lists([f"{TEXT} {'long ' * (row % 7)}" for row in range(len(rows))], ["x"] * len(rows))
    collector.add(data, rows, columns)
    return ReportFacts(
        name="model",
        config={**CONFIG, "task": task, "settings": settings},
        history=HISTORY,
        part="test",
        source="data.csv",
        metrics=metrics,
        written=DATE,
        results=collector.finish(),
        robustness=[],
        command="textgraft train data.csv --out 'a b'",
    )
