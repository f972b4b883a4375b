"""Task, data, models and selection metric of a search; no TensorFlow import."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from textgraft.data.columns import Reading
from textgraft.data.metrics import Metric, find_metric
from textgraft.data.splits import Splits, read_splits
from textgraft.errors import ConfigError
from textgraft.evaluation.proportions import wilson_interval
from textgraft.options import changed_options, make_options
from textgraft.task_specs import TaskSpec, task_spec
from textgraft.tasks.architecture import Architecture
from textgraft.training.epochs import standard_error

if TYPE_CHECKING:
    from textgraft.tasks.trainable import TrainableTask

# Names of options of `textgraft train` to their values.
Hyperparameters = Mapping[str, str | bool | int | float]

_LOADING = ("vocabulary_limit", "trust_savedmodel")


def require_extra() -> None:
    """Raise a ConfigError unless the extra `tune` is installed."""
    if find_spec("optuna") is None:
        raise ConfigError('tune needs optuna; run: pip install "textgraft[tune]"')


@dataclass(frozen=True)
class SelectionMetric:
    """The validation metric by which trials are compared.

    Attributes:
        metric: its name and direction.
        texts: number of validation texts.
        sample_size: number of independent samples that it averages.
    """

    metric: Metric
    texts: int
    sample_size: int

    @property
    def name(self) -> str:
        """The name of the metric."""
        return self.metric.name

    def value(self, record: Mapping[str, float]) -> float:
        """The metric in a row of the training history."""
        return record[f"val_{self.name}"]

    def sort_key(self, value: float | None) -> float:
        """Lower for a better value, infinite for None."""
        return float("inf") if value is None else self.metric.sort_key(value)

    def is_within_error(self, value: float | None, best: float) -> bool:
        """Whether a value is as good as the best, or worse by at most the standard error of a share."""
        error = standard_error(best, self.sample_size) if self.metric.is_share else 0.0
        return self.sort_key(value) <= self.sort_key(best) + error

    def interval(self, value: float | None) -> tuple[float, ...]:
        """The 95 % interval (Wilson) of a share of the texts; empty for other metrics, and for None."""
        return () if value is None or not self.metric.of_texts else wilson_interval(value, self.texts)


@dataclass(frozen=True)
class TaskSource:
    """Where the data of a search are; it may be sent to other processes, which read them again.

    Attributes:
        task: id of the task.
        data: the training source.
        reading: options for reading all sources.
        options: further arguments of `read_splits` and their names.
    """

    task: str
    data: str
    reading: Reading
    options: tuple[tuple[str, Any], ...]

    def read(self, with_test: bool) -> Splits:
        """Read the data; errors are those of `read_splits`."""
        return read_splits(task_spec(self.task), self.data, self.reading, **dict(self.options), with_test=with_test)

    def load(self) -> "TuningTask":
        """The task with the texts for training and validation; errors are those of `read_splits`."""
        return TuningTask(self.task, task_spec(self.task), self.read(with_test=False))


@dataclass(frozen=True)
class TuningTask:
    """The task and the data of all trials.

    Attributes:
        task: id of the task.
        spec: specification of the task.
        splits: training and validation texts.
    """

    task: str
    spec: TaskSpec
    splits: Splits

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Arguments of the task's constructor that depend on the training texts."""
        return self.spec.settings_from(self.splits.train)

    @property
    def min_steps(self) -> int:
        """Fewest optimizer steps of a training by default."""
        return self.spec.min_steps(len(self.settings.get("labels", ())))

    def identity(self) -> dict[str, Any]:
        """Task, settings and fingerprints of the data, as JSON values."""
        data = {"train": self.splits.train.fingerprint(), "validation": self.splits.validation.fingerprint()}
        return {"task": self.task, "settings": self.settings, "data": data}

    def selection_metric(self, name: str | None) -> SelectionMetric:
        """The metric by which trials are compared, None for the task's default; a ConfigError for an unknown one."""
        metric, validation = find_metric(name, self.spec.metrics(self.splits.train)), self.splits.validation
        return SelectionMetric(metric, len(validation), self.spec.sample_size(validation))

    def build_model(self, hyperparameters: Hyperparameters) -> "TrainableTask":
        """The untrained model, as `textgraft train` builds it; the hyperparameters include "preset" and "precision".

        Raises:
            ConfigError: for a value that does not suit the preset or the task.
            PresetError: when the preset cannot be loaded.
        """
        from textgraft.tasks.trainable import task_class

        loading = {name: hyperparameters[name] for name in _LOADING if name in hyperparameters}
        arguments = {**self.settings, **loading, **options_of(Architecture, hyperparameters)}
        preset, precision = str(hyperparameters["preset"]), str(hyperparameters["precision"])
        return task_class(self.task)(preset, precision=precision, **arguments)


def options_of(kind: type, hyperparameters: Hyperparameters) -> dict[str, Any]:
    """The hyperparameters that are options of a dataclass and differ from their defaults."""
    return changed_options(make_options(kind, hyperparameters))
