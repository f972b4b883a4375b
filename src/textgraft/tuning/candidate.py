"""A candidate: values for words of `textgraft train`, the model that they make, and the command line that makes it."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from textgraft.data.splits import Splits
from textgraft.errors import ConfigError
from textgraft.tasks.trainable import TrainableTask, task_class
from textgraft.text.cleaning import Cleaning
from textgraft.training.config import TrainingConfig
from textgraft.training.history import History
from textgraft.training.progress import Callback
from textgraft.tuning.assignment import Assignment

Words = Mapping[str, str | bool | int | float]

_CLEANING = tuple(known.name for known in fields(Cleaning))
_FIT = tuple(known.name for known in fields(TrainingConfig))
_READING = ("vocabulary_limit", "trust_savedmodel")
_ARCHITECTURE = ("pooling", "dropout", "sequence_length", "truncation", "seed")


def built(words: Words, assignment: Assignment) -> TrainableTask:
    """The untrained model, as `textgraft train` builds it.

    Args:
        words: "preset" and "precision" among them.
        assignment: what it is to learn.

    Raises:
        ConfigError: for words that do not suit the preset or the task.
        PresetError: when the preset cannot be loaded.
    """
    return task_class(assignment.task)(
        str(words["preset"]),
        precision=str(words["precision"]),
        **assignment.settings,
        **_some(words, _READING),
        **_architecture(words),
    )


def refusal(model: TrainableTask, words: Words) -> str:
    """Why such a model cannot have some values of words; empty where it can."""
    try:
        model.fill_architecture(_architecture(words))
        config = model.training_config(_some(words, _FIT))
        model.fine_tuning(fine_tune=config.fine_tune).parameter_counts()
    except ConfigError as error:
        return str(error)
    return ""


def fitted(model: TrainableTask, words: Words, parts: Splits, callback: Callback) -> History:
    """Train, as `textgraft train` does; errors are those of `TrainableTask.fit`."""
    return model.fit(parts.train, parts.validation, callback, **_some(words, _FIT))


def command(words: Words, data: str, out: str) -> str:
    """A `textgraft train` line that makes the same model, quoted for a shell.

    Args:
        words: all of the candidate's, and those that say how the data is read.
        data: the source to train on.
        out: the model folder it is to write.
    """
    return shlex.join(["textgraft", "train", data, *_flags(words), "--out", out])


def _flags(words: Words) -> Iterable[str]:
    for word, value in words.items():
        if value is False:
            continue
        yield f"--{word.replace('_', '-')}"
        if value is not True:
            yield str(value)


def _architecture(words: Words) -> dict[str, Any]:
    return {"cleaning": Cleaning(**_some(words, _CLEANING)), **_some(words, _ARCHITECTURE)}


def _some(words: Words, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: words[name] for name in names if name in words}
