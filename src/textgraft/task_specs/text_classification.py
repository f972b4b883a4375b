"""text-classification: a text, or a pair of texts, with a label, a set of labels, or a number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textgraft.data.dataset import Dataset
from textgraft.data.labels import MULTI, PROBLEMS, REGRESSION, SINGLE
from textgraft.data.splits import check_training
from textgraft.errors import ModelFolderError
from textgraft.storage.schema import (
    BOOLEAN,
    INTERVAL,
    NUMBER,
    POSITIVE,
    PROBABILITY,
    STRING,
    Integer,
    List,
    Map,
    Object,
    OneOf,
    Schema,
)
from textgraft.task_specs import ModelSchema, TaskSpec

_PER_CLASS: dict[str, Schema] = {"per_class": Map(Map(NUMBER)), "labels": List(STRING)}


class TextClassificationSpec(TaskSpec):
    """Labelled texts."""

    class_path = "textgraft.tasks.text_classification:TextClassifier"

    def check(self, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        return check_training(train, *others)

    def settings_from(self, train: Dataset) -> dict[str, Any]:
        settings: dict[str, Any] = {"problem": train.problem, "pairs": train.paired}
        if train.problem != REGRESSION:
            settings["labels"] = train.label_names
        if train.problem == MULTI:
            settings["label_separator"] = train.label_separator
        return settings

    def problem(self, train: Dataset) -> str | None:
        return None if train.paired else train.problem

    def schema(self, settings: Mapping[str, Any]) -> ModelSchema:
        """The schema of the problem in the settings; of single-label if it is missing or unknown."""
        problem = settings.get("problem")
        return _SCHEMAS.get(problem if isinstance(problem, str) else SINGLE, _SCHEMAS[SINGLE])

    def usage(self, settings: Mapping[str, Any]) -> str:
        problem = settings.get("problem", SINGLE)
        answer = f"{settings['mean']:.4g}" if problem == REGRESSION else f'"{settings["labels"][0]}"'
        if problem == MULTI:
            answer = f"[{answer}]"
        text = '("a text", "its second text")' if settings.get("pairs") else '"a text"'
        return f"predict([{text}])  # for example [{answer}]"


@dataclass(frozen=True)
class _MultiLabelSettings:
    """Settings with one threshold per label."""

    fields: Object

    def check(self, value: Any, where: str) -> None:
        self.fields.check(value, where)
        labels, thresholds = len(value["labels"]), len(value["thresholds"])
        if labels != thresholds:
            raise ModelFolderError(
                f"{where}.thresholds must be {labels}, one for each label, not {thresholds}; copy the model folder "
                "again"
            )


def _schema(
    settings: Schema,
    validation: Sequence[str],
    headline: tuple[str, ...],
    fields: Mapping[str, Schema] | None = None,
    optional: Mapping[str, Schema] | None = None,
) -> ModelSchema:
    """The schema of a problem; `validation` are metrics beside the loss, `fields` and `optional` fields of a test."""
    intervals = {f"{name}_interval": INTERVAL for name in headline}
    metrics: dict[str, Schema] = {
        "texts": Integer(1),
        "loss": NUMBER,
        **dict.fromkeys(headline, NUMBER),
        **intervals,
        **(fields or {}),
    }
    return ModelSchema(
        settings,
        Object({f"val_{name}": NUMBER for name in (*validation, "loss")}, others=NUMBER),
        Object({"texts": Integer(1), **metrics, **intervals, **(fields or {})}, optional or {}),
        headline,
    )


_SCHEMAS: dict[str, ModelSchema] = {
    SINGLE: _schema(
        Object(
            {"labels": List(STRING, min_items=2)},
            {"pairs": BOOLEAN, "problem": OneOf(PROBLEMS), "temperature": POSITIVE},
        ),
        ("accuracy",),
        ("accuracy", "macro_f1"),
        _PER_CLASS,
        {"confusion": List(List(Integer(0)))},
    ),
    MULTI: _schema(
        _MultiLabelSettings(
            Object(
                {
                    "problem": OneOf((MULTI,)),
                    "labels": List(STRING, min_items=1),
                    "thresholds": List(PROBABILITY, min_items=1),
                },
                {"pairs": BOOLEAN, "label_separator": STRING},
            )
        ),
        ("micro_f1", "label_set_accuracy"),
        ("micro_f1", "macro_f1", "label_set_accuracy"),
        _PER_CLASS,
    ),
    REGRESSION: _schema(
        Object({"problem": OneOf((REGRESSION,)), "mean": NUMBER, "scale": POSITIVE}, {"pairs": BOOLEAN}),
        ("mae", "pearson", "spearman"),
        ("pearson", "spearman", "mae", "rmse"),
    ),
}
