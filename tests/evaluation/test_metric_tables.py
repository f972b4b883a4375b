"""Tables of metrics on a terminal of 80 columns, for few and for many labels."""

import io

import numpy as np
import pytest
from rich.console import Console

from textgraft.cli.output.table_layout import fit_tables
from textgraft.evaluation.classification_metrics import classification_metrics, label_set_metrics
from textgraft.evaluation.metric_tables import classification_tables, label_set_tables


def lines_of(tables):
    console = Console(width=80, record=True, file=io.StringIO())
    console.width = max(80, fit_tables(tables, 80))
    console.print(tables)
    return console.export_text().splitlines()


def metrics_of(labels, texts=2, shift=0):
    targets = np.repeat(np.arange(len(labels)), texts)
    return classification_metrics(targets, np.eye(len(labels))[(targets + shift) % len(labels)], labels)


@pytest.mark.parametrize("name", ["kind {}", "an intent with a long name, number {}"])
@pytest.mark.parametrize("count", [2, 12, 13, 40])
def test_tables_fit_into_80_columns(name, count):
    lines = lines_of(classification_tables(metrics_of([name.format(n) for n in range(count)], shift=1)))
    assert max(map(len, lines)) <= 80
    assert len(lines) < 120
    assert ("confusion matrix" in "\n".join(lines)) == (count <= 12)


def test_many_labels_are_limited_to_the_most_frequent():
    labels = [f"intent {n:03}" for n in range(120)]
    targets = np.concatenate([np.arange(120), np.full(5, 119)])
    metrics = classification_metrics(targets, np.eye(120)[(targets + 1) % 120], labels)
    text = "\n".join(lines_of(classification_tables(metrics)))
    assert "intent 119" in text
    assert "100 more; all in --json" in text
    assert "most frequent confusions" in text
    assert text.count("100 more; all in --json") == 2


def test_many_labels_of_sets_are_limited():
    flags = np.eye(60, dtype=bool)
    metrics = label_set_metrics(flags, flags.astype(float), np.full(60, 0.5), [f"label {n}" for n in range(60)])
    lines = lines_of(label_set_tables(metrics))
    assert len(lines) < 45
    assert "40 more; all in --json" in "\n".join(lines)


def test_predictions_are_counted_for_each_label():
    metrics = classification_metrics(np.array([0, 0, 1]), np.eye(3)[[0, 0, 0]], ["a", "b", "c"])
    assert {label: scores["predicted"] for label, scores in metrics["per_class"].items()} == {"a": 3, "b": 0, "c": 0}
