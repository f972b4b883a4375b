"""The metrics of a report, beside those of baselines, and the confusion matrix."""

from collections.abc import Mapping
from functools import partial

import numpy as np

from textgraft.model_folder.config import EXTENDED_FROM
from textgraft.report.charts.figure import Chart
from textgraft.report.facts import ReportFacts
from textgraft.report.figures import figure, figures
from textgraft.report.html import Html, details, element, section, shown_name, table
from textgraft.report.numbers import interval_text, metric_name, metric_text, share_text

_MAX_CONFUSIONS = 12


def outcome_section(facts: ReportFacts, charts: Mapping[str, Chart]) -> Html | None:
    """Metrics with intervals, baselines, and which labels are confused."""
    if not facts.metrics:
        return None
    metrics = [name for name in (*facts.headline, "loss") if name in facts.metrics]
    rows = [(metric_name(name), metric_text(facts.metrics[name], name), _interval(facts, name)) for name in metrics]
    summary = table("Metrics", ("metric", "value", "95 % interval"), rows)
    tables = element("div", summary, _baselines(facts), _extension(facts))
    matrix = figure(charts, "confusion-matrix", partial(_matrix_table, facts))
    # The section of labels has their chart, where confusions are here.
    beside = (matrix or _confusions(facts)) if facts.metrics.get("confusion") else figure(charts, "label-f1")
    return section("results", "Results", figures(tables, beside), _entity_outcomes(facts))


def _interval(facts: ReportFacts, metric: str) -> str:
    interval = facts.metrics.get(f"{metric}_interval")
    return interval_text(interval, metric).strip("()") if interval else ""


def _baselines(facts: ReportFacts) -> Html | None:
    if not facts.baselines:
        return None
    metric = facts.baseline_metric
    rows = [("this model", metric_text(facts.metrics[metric], metric))]
    rows += [(name, metric_text(value, metric)) for name, value in facts.baselines.items()]
    return table(
        f"{metric_name(metric)} beside simple methods on the same texts", ("method", metric_name(metric)), rows
    )


def _extension(facts: ReportFacts) -> Html | None:
    """The accuracies of a model and of the one that it extends."""
    extended = facts.config.get(EXTENDED_FROM)
    if not extended:
        return None
    rows = [
        (name, f"{values['texts']:,}", share_text(values["before"]), share_text(values["after"]))
        for name, values in extended["accuracies"].items()
    ]
    return table("Accuracy of the extended model and of this one", ("set", "texts", "before", "after"), rows)


def _matrix_table(facts: ReportFacts) -> Html:
    labels = [shown_name(label) for label in facts.metrics["labels"]]
    rows = (
        [
            (label, *(f"{count:,}" for count in row))
            for label, row in zip(labels, facts.metrics["confusion"], strict=True)
        ]
        if "confusion" in facts.metrics
        else []
    )
    return details(
        "Numbers of the matrix", table("True labels by row, predicted labels by column", ("true", *labels), rows)
    )


def _confusions(facts: ReportFacts) -> Html | None:
    """The most frequent confusions, where there are too many labels for a matrix."""
    labels = facts.metrics["labels"]
    counts = np.array(facts.metrics["confusion"])
    np.fill_diagonal(counts, 0)
    ranked = np.argsort(-counts, axis=None, kind="stable")[:_MAX_CONFUSIONS].tolist()
    pairs = [divmod(cell, len(labels)) for cell in ranked]
    rows = [
        (shown_name(labels[true]), shown_name(labels[predicted]), f"{counts[true, predicted]:,}")
        for true, predicted in pairs
        if counts[true, predicted]
    ]
    return table("Most frequent confusions", ("true", "predicted", "texts"), rows, texts=(0, 1)) if rows else None


def _entity_outcomes(facts: ReportFacts) -> Html | None:
    """What happened to entities whose bounds are right, missed, or not there."""
    if facts.results is None or not facts.results.pairs:
        return None
    wrong = [(count, *pair) for pair, count in facts.results.pairs.items() if pair[0] != pair[1]]
    wrong.sort(key=lambda entry: (-entry[0], entry[1:]))
    nothing = element("span", "no such entity", class_="quiet")
    rows = [
        (shown_name(true) if true else nothing, shown_name(predicted) if predicted else nothing, f"{count:,}")
        for count, true, predicted in wrong[:_MAX_CONFUSIONS]
    ]
    header = ("true", "predicted", "entities")
    return (
        table("Wrong, missed and superfluous entities, compared where the bounds are equal", header, rows, texts=(0, 1))
        if rows
        else None
    )
