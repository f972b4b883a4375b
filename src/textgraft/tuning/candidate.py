"""A candidate model: hyperparameters of `textgraft train`, the model built from them, and its command line."""

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from textgraft.data.splits import Splits
from textgraft.errors import ConfigError
from textgraft.options import changed_options, make_options
from textgraft.tasks.architecture import Architecture
from textgraft.tasks.trainable import TrainableTask, task_class
from textgraft.training.config import TrainingConfig
from textgraft.training.history import History
from textgraft.training.progress import Callback
from textgraft.tuning.setup import TuningTask

# Names of options of `textgraft train` to their values.
Hyperparameters = Mapping[str, str | bool | int | float]

_LOADING = ("vocabulary_limit", "trust_savedmodel")


def build_model(hyperparameters: Hyperparameters, task: TuningTask) -> TrainableTask:
    """The untrained model, as `textgraft train` builds it.

    Args:
        hyperparameters: "preset" and "precision" among them.
        task: task of the model, with its data.

    Raises:
        ConfigError: for a value that does not suit the preset or the task.
        PresetError: when the preset cannot be loaded.
    """
    loading: dict[str, Any] = {name: hyperparameters[name] for name in _LOADING if name in hyperparameters}
    return task_class(task.task)(
        str(hyperparameters["preset"]),
        precision=str(hyperparameters["precision"]),
        **task.settings,
        **loading,
        **_options_of(Architecture, hyperparameters),
    )


def refusal_reason(model: TrainableTask, hyperparameters: Hyperparameters) -> str:
    """Why the model does not support some hyperparameters; empty where it does."""
    try:
        model.fill_architecture(_options_of(Architecture, hyperparameters))
        config = model.training_config(_options_of(TrainingConfig, hyperparameters))
        model.fine_tuning(fine_tune=config.fine_tune).parameter_counts()
    except ConfigError as error:
        return str(error)
    return ""


def fit_model(model: TrainableTask, hyperparameters: Hyperparameters, splits: Splits, callback: Callback) -> History:
    """Train, as `textgraft train` does; errors are those of `TrainableTask.fit`."""
    return model.fit(splits.train, splits.validation, callback, **_options_of(TrainingConfig, hyperparameters))


def train_command(options: Mapping[str, Any], data: str, out: str) -> str:
    """A `textgraft train` line that trains the same model, quoted for a shell.

    Args:
        options: all hyperparameters, and the options for reading the data.
        data: source of the training texts.
        out: model folder to write.
    """
    return shlex.join(["textgraft", "train", data, *_flags(options), "--out", out])


def _options_of(kind: type, hyperparameters: Hyperparameters) -> dict[str, Any]:
    return changed_options(make_options(kind, hyperparameters))


def _flags(options: Mapping[str, Any]) -> Iterable[str]:
    for name, value in options.items():
        if value is False:
            continue
        yield f"--{name.replace('_', '-')}"
        if value is not True:
            yield str(value)
