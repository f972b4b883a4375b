"""Validation metrics by which epochs and trials can be selected, for each kind of prediction, the default first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textgraft.errors import ConfigError


@dataclass(frozen=True)
class Metric:
    """A metric of the validation set.

    Attributes:
        higher_is_better: whether a higher value is better.
        is_share: whether it is a share between 0 and 1, whose standard error follows from the number of samples.
        of_texts: whether the share is one of texts.
        is_optional: whether the history has it only where it is selected.
    """

    name: str
    higher_is_better: bool = True
    is_share: bool = True
    of_texts: bool = False
    is_optional: bool = False

    def sort_key(self, value: float) -> float:
        """Lower for a better value."""
        return -value if self.higher_is_better else value


def _error(name: str) -> Metric:
    return Metric(name, higher_is_better=False, is_share=False)


_F1 = (Metric("macro_f1"), Metric("weighted_f1", is_optional=True))
_LOSS = _error("loss")

SINGLE_LABEL = (Metric("accuracy", of_texts=True), *_F1, Metric("micro_f1", of_texts=True, is_optional=True), _LOSS)
MULTI_LABEL = (Metric("micro_f1"), *_F1, Metric("label_set_accuracy", of_texts=True), _LOSS)
REGRESSION = (
    _LOSS, _error("mae"), _error("rmse"), Metric("pearson", is_share=False), Metric("spearman", is_share=False),
)  # fmt: skip
SPANS = (Metric("f1"), Metric("macro_f1"), Metric("accuracy"), _LOSS)
LANGUAGE_MODEL = (_LOSS, _error("perplexity"))


def without_optional(values: Mapping[str, float], metrics: Sequence[Metric], selected: str | None) -> dict[str, float]:
    """Values by the names of metrics, without those of optional metrics that are not selected."""
    omitted = {metric.name for metric in metrics if metric.is_optional} - {selected}
    return {name: value for name, value in values.items() if name not in omitted}


def find_metric(name: str | None, metrics: Sequence[Metric]) -> Metric:
    """The metric of this name, or the first for None; a ConfigError for one that is not among the metrics."""
    named = {metric.name: metric for metric in metrics}
    if name is None:
        return metrics[0]
    if name not in named:
        raise ConfigError(f"metric {name!r} is unknown for this task; choose one of {', '.join(named)}")
    return named[name]
