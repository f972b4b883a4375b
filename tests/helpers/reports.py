"""ReportFacts of reports without a model: results from arrays and lists."""

from datetime import UTC, datetime

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.evaluation.classification_metrics import classification_metrics
from textgraft.report.facts import ReportFacts
from textgraft.report.results import ResultCollector
from textgraft.report.selected_texts import SelectedTexts
from textgraft.tasks.row_results import RowResult

HOSTILE = ("<script>alert(1)</script>", "\u202egnol", "x" * 10_000)
DATE = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
CONFIG = {
    "task": "text-classification",
    "preset": "minilm",
    "settings": {},
    "versions": {"textgraft": "0.1.0"},
    "fit": {"epochs": 2, "fine_tune": "all"},
    "data": {},
    "metrics": {},
}


def single_label_facts(labels=("neg", "pos"), texts=60, quoted=10, **changes):
    """ReportFacts of a classifier that is right in three of four texts."""
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
        rows.append(RowResult(labels[target], labels[prediction], max(scores), error, scores))
    collector.add(data, rows)
    facts = {
        "name": "sentiment",
        "config": {**CONFIG, "settings": {"labels": list(labels)}},
        "history": [],
        "part": "test",
        "source": "reviews.csv",
        "metrics": classification_metrics(targets, probabilities, labels),
        "written": DATE,
        "results": collector.finish(),
        **changes,
    }
    return ReportFacts(**facts)
