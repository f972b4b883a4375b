"""text-classification: what the answers are made of, and dense layers up to the logits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textgraft.errors import ModelFolderError
from textgraft.model_folder.tasks.base import TaskLayout
from textgraft.storage.schema import (
    FLAG,
    INTERVAL,
    NUMBER,
    POSITIVE,
    PROBABILITY,
    TEXT,
    List,
    Map,
    Object,
    Schema,
    choice,
    whole,
)
from textgraft.storage.tensor_header import Shape

_SINGLE, _MULTI, _REGRESSION = "single-label", "multi-label", "regression"
_PER_CLASS = Map(Map(NUMBER))


class TextClassificationLayout(TaskLayout):
    """The part of a model folder of a classifier that gives one label."""

    fields: ClassVar[Schema] = Object(
        {"labels": List(TEXT, least=2)},
        {"pairs": FLAG, "problem": choice(_SINGLE, _MULTI, _REGRESSION), "temperature": POSITIVE},
    )
    validation = Object({"val_accuracy": NUMBER, "val_loss": NUMBER}, others=NUMBER)
    test: ClassVar[Object] = Object(
        {
            "texts": whole(1),
            "loss": NUMBER,
            "accuracy": NUMBER,
            "accuracy_interval": INTERVAL,
            "macro_f1": NUMBER,
            "macro_f1_interval": INTERVAL,
            "per_class": _PER_CLASS,
            "labels": List(TEXT),
        },
        {"confusion": List(List(whole(0)))},
    )
    headline: ClassVar[tuple[str, ...]] = ("accuracy", "macro_f1")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> type[TaskLayout]:
        """By the problem; that of one label where it is none that is known."""
        problem = settings.get("problem")
        return _BY_PROBLEM.get(problem, cls) if isinstance(problem, str) else cls

    @classmethod
    def call(cls, settings: Mapping[str, Any]) -> str:
        """It predicts what the comment shows."""
        text = '("a text", "its second text")' if settings.get("pairs") else '"a text"'
        return f"predict([{text}])  # for example [{cls.answer(settings)}]"

    @classmethod
    def answer(cls, settings: Mapping[str, Any]) -> str:
        """What it might say of a text, as code."""
        return f'"{settings["labels"][0]}"'

    @classmethod
    def logits(cls, settings: Mapping[str, Any]) -> int:
        """How many there are: one for two labels, else one each."""
        labels = len(settings["labels"])
        return 1 if labels == 2 else labels

    @classmethod
    def weight_shapes(cls, settings: Mapping[str, Any], hidden: Sequence[int], dim: int) -> Iterator[tuple[str, Shape]]:
        """The hidden layers and the logits."""
        widths = {f"hidden_{number}": width for number, width in enumerate(hidden)}
        widths["logits"] = cls.logits(settings)
        for name, width in widths.items():
            yield f"{name}/kernel", (dim, width)
            yield f"{name}/bias", (width,)
            dim = width


@dataclass(frozen=True)
class _LabelSets:
    """Settings with a threshold for each label."""

    record: Object

    def check(self, value: Any, where: str) -> None:
        """Check the fields, then how many there are."""
        self.record.check(value, where)
        labels, thresholds = len(value["labels"]), len(value["thresholds"])
        if labels != thresholds:
            raise ModelFolderError(
                f"{where}.thresholds must be {labels}, one for each label, not {thresholds}; copy the model folder "
                "again"
            )


class MultiLabelLayout(TextClassificationLayout):
    """That of one that gives sets of labels."""

    fields = _LabelSets(
        Object(
            {"problem": choice(_MULTI), "labels": List(TEXT, least=1), "thresholds": List(PROBABILITY, least=1)},
            {"pairs": FLAG, "label_separator": TEXT},
        )
    )
    validation = Object({"val_micro_f1": NUMBER, "val_label_set_accuracy": NUMBER, "val_loss": NUMBER}, others=NUMBER)
    headline = ("micro_f1", "macro_f1", "label_set_accuracy")
    test = Object(
        {
            "texts": whole(1),
            "loss": NUMBER,
            **dict.fromkeys(headline, NUMBER),
            **{f"{name}_interval": INTERVAL for name in headline},
            "per_class": _PER_CLASS,
            "labels": List(TEXT),
        }
    )

    @classmethod
    def answer(cls, settings: Mapping[str, Any]) -> str:
        """A set."""
        return f'["{settings["labels"][0]}"]'

    @classmethod
    def logits(cls, settings: Mapping[str, Any]) -> int:
        """One for each label."""
        return len(settings["labels"])


class RegressionLayout(TextClassificationLayout):
    """That of one that gives numbers."""

    fields = Object({"problem": choice(_REGRESSION), "mean": NUMBER, "scale": POSITIVE}, {"pairs": FLAG})
    validation = Object({f"val_{name}": NUMBER for name in ("loss", "mae", "pearson", "spearman")}, others=NUMBER)
    headline = ("pearson", "spearman", "mae", "rmse")
    test = Object(
        {
            "texts": whole(1),
            "loss": NUMBER,
            **dict.fromkeys(headline, NUMBER),
            **{f"{name}_interval": INTERVAL for name in headline},
        }
    )

    @classmethod
    def answer(cls, settings: Mapping[str, Any]) -> str:
        """A number."""
        return f"{settings['mean']:.4g}"

    @classmethod
    def logits(cls, settings: Mapping[str, Any]) -> int:
        """One."""
        return 1


_BY_PROBLEM: dict[str, type[TaskLayout]] = {_MULTI: MultiLabelLayout, _REGRESSION: RegressionLayout}
