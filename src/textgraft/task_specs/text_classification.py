"""text-classification: a text, or a pair of texts, with a label, a set of labels, or a number."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from textgraft.data import metrics
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.descriptions import why_invalid
from textgraft.data.label_types import LABEL_TYPES, restore_label
from textgraft.data.labels import MAX_NUMBER, MULTI, PROBLEMS, REGRESSION, SINGLE
from textgraft.data.metrics import Metric
from textgraft.data.splits import check_training
from textgraft.data.streams import refuse_options
from textgraft.errors import ModelFolderError
from textgraft.storage.schema import (
    BOOLEAN,
    INTERVAL,
    NONEMPTY,
    NUMBER,
    PROBABILITY,
    STRING,
    Integer,
    List,
    Map,
    Object,
    OneOf,
    Schema,
    number,
)
from textgraft.task_specs import ModelSchema, ShapePattern, TaskSpec, hidden_shapes
from textgraft.terminal.escaping import MAX_VALUE, printable

# Answers beside a label: whether it is withheld, whether each label is in the set of the text, and whether the text is
# unlike those of the training.
ABSTAINED, CANDIDATES, UNKNOWN = "abstained", "candidates", "unknown"

# With fewer, the rare ones of many labels are not predicted (docs/measurements.md).
_STEPS_PER_LABEL = 10

# Beyond these limits float32 overflows, or all probabilities are equal.
TEMPERATURE = number(0.001, 1000)
THRESHOLD = number(0, 1)
# Of numbers that a model was trained on.
MEAN, SCALE = number(-MAX_NUMBER, MAX_NUMBER), number(1 / MAX_NUMBER, MAX_NUMBER)


class TextClassificationSpec(TaskSpec):
    """Labelled texts."""

    class_path = "textgraft.tasks.text_classification:TextClassifier"
    replays = True

    def __init__(self, known_labels: Sequence[str] = ()) -> None:
        """`known_labels` are those of a model that further texts extend, which may lack them."""
        self._known_labels = known_labels

    def load_slices(self, source: str, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
        refuse_options("text-classification", reading, "offsets")
        return super().load_slices(source, split, reading)

    def check(self, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        return check_training(train, *others, known_labels=self._known_labels)

    def settings_from(self, train: Dataset) -> dict[str, Any]:
        settings: dict[str, Any] = {"problem": train.problem, "pairs": train.paired}
        if train.problem != REGRESSION:
            settings["labels"] = list(train.label_names)
        if train.problem == MULTI:
            settings["label_separator"] = train.label_separator
        return settings

    def problem(self, train: Dataset) -> str | None:
        return None if train.paired else train.problem

    def min_steps(self, labels: int) -> int:
        return max(super().min_steps(labels), _STEPS_PER_LABEL * labels)

    def metrics(self, train: Dataset) -> tuple[Metric, ...]:
        return _METRICS[train.problem]

    def schema(self, settings: Mapping[str, Any]) -> ModelSchema:
        """The schema of the problem in the settings; of single-label if it is missing or unknown."""
        problem = settings.get("problem")
        return _SCHEMAS[problem if problem in PROBLEMS else SINGLE]

    def takes_ngrams(self, settings: Mapping[str, Any]) -> bool:
        return settings.get("problem", SINGLE) == SINGLE and not settings.get("pairs", False)

    def weight_shapes(self, settings: Mapping[str, Any], hidden: Sequence[int]) -> Mapping[str, ShapePattern] | None:
        labels = len(settings.get("labels", ()))
        is_single = settings.get("problem", SINGLE) == SINGLE
        return hidden_shapes(hidden, 1 if is_single and labels == 2 else max(1, labels))

    def usage(self, settings: Mapping[str, Any]) -> str:
        problem = settings.get("problem", SINGLE)
        answer = f"{settings['mean']:.4g}" if problem == REGRESSION else _string(settings["labels"][0])
        if problem == MULTI:
            answer = f"[{answer}]"
        text = '("a text", "its second text")' if settings.get("pairs") else '"a text"'
        return f"predict([{text}])  # for example [{answer}]"


def _string(label: str) -> str:
    """A label as a string of Python on one line."""
    return printable(json.dumps(label, ensure_ascii=False), MAX_VALUE)


class _LabelSettings(Object):
    """Settings with labels that have the stated type, and with one threshold per label if there are any."""

    def check(self, value: Any, where: str) -> None:
        super().check(value, where)
        labels = value["labels"]
        try:
            for label in labels:
                restore_label(label, value.get("label_type", LABEL_TYPES[0]))
        except ValueError as error:
            raise ModelFolderError(f"{where}: {error}; copy the model folder again") from None
        if len(labels) != len(value.get("thresholds", labels)):
            raise ModelFolderError(
                f"{where}.thresholds must be {len(labels)}, one for each label, not {len(value['thresholds'])}; copy "
                "the model folder again"
            )
        if "descriptions" in value and (problem := why_invalid(value["descriptions"], labels)):
            raise ModelFolderError(f"{where}.descriptions: {problem}; copy the model folder again")


class _RegressionSettings(Object):
    """Settings whose scale is not lost beside the mean in float64, which would make all answers equal."""

    def check(self, value: Any, where: str) -> None:
        super().check(value, where)
        if value["mean"] + value["scale"] == value["mean"]:
            raise ModelFolderError(
                f"{where}.scale {value['scale']} is nothing beside the mean {value['mean']}; copy the model folder "
                "again"
            )


def _schema(settings: Schema, validation: Sequence[str], headline: tuple[str, ...], test: Object) -> ModelSchema:
    """The schema of a problem; `validation` are metrics beside the loss, `test` fields beside loss and headline."""
    intervals = [f"{name}_interval" for name in headline]
    metrics: dict[str, Schema] = {**dict.fromkeys(("loss", *headline), NUMBER), **dict.fromkeys(intervals, INTERVAL)}
    return ModelSchema(
        settings,
        Object({f"val_{name}": NUMBER for name in (*validation, "loss")}, others=NUMBER),
        replace(test, fields={"texts": Integer(1), **metrics, **test.fields}),
        headline,
    )


_METRICS = {SINGLE: metrics.SINGLE_LABEL, MULTI: metrics.MULTI_LABEL, REGRESSION: metrics.REGRESSION}
# Of the thresholds that were set on texts; see `tasks.promises`.
_PROMISES = Object(
    {},
    {
        "target_precision": Object(
            {"target": THRESHOLD, "texts": Integer(1), "answered": THRESHOLD, "precision": THRESHOLD}
        ),
        "coverage": Object({"target": THRESHOLD, "texts": Integer(1), "set_coverage": THRESHOLD, "set_size": NUMBER}),
        "reject_unknown": Object({"target": THRESHOLD, "texts": Integer(1)}),
    },
)
_ANSWERED: dict[str, Schema] = {
    **dict.fromkeys(("answered", "answered_accuracy", "set_coverage", "set_size", UNKNOWN), NUMBER),
    "answered_accuracy_interval": INTERVAL,
}
_PER_CLASS = Object({"per_class": Map(Map(NUMBER)), "labels": List(STRING)})
_SCHEMAS: dict[str, ModelSchema] = {
    SINGLE: _schema(
        _LabelSettings(
            {"labels": List(STRING, 2, distinct=True)},
            {
                "pairs": BOOLEAN,
                "problem": OneOf(PROBLEMS),
                "temperature": TEMPERATURE,
                "abstain_below": THRESHOLD,
                "set_threshold": THRESHOLD,
                "reject_above": NUMBER,
                "promises": _PROMISES,
                "label_type": OneOf(LABEL_TYPES),
                "descriptions": Map(List(NONEMPTY, 1)),
            },
        ),
        ("accuracy",),
        ("accuracy", "macro_f1"),
        replace(_PER_CLASS, optional={"confusion": List(List(Integer(0))), **_ANSWERED}),
    ),
    MULTI: _schema(
        _LabelSettings(
            {"problem": OneOf((MULTI,)), "labels": List(STRING, 1, distinct=True), "thresholds": List(PROBABILITY, 1)},
            {"pairs": BOOLEAN, "label_separator": NONEMPTY, "label_type": OneOf(LABEL_TYPES)},
        ),
        ("micro_f1", "label_set_accuracy"),
        ("micro_f1", "macro_f1", "label_set_accuracy"),
        _PER_CLASS,
    ),
    REGRESSION: _schema(
        _RegressionSettings({"problem": OneOf((REGRESSION,)), "mean": MEAN, "scale": SCALE}, {"pairs": BOOLEAN}),
        ("mae", "pearson", "spearman"),
        ("pearson", "spearman", "mae", "rmse"),
        Object({}),
    ),
}
