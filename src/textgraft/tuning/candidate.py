"""A candidate: values for words of `textgraft train`, the model that they make, and the command line that makes it."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from textgraft.data.parts import Parts
from textgraft.tasks.text_classification import TextClassifier
from textgraft.text.cleaning import Cleaning
from textgraft.training.config import FitConfig
from textgraft.training.history import History, Watcher

Words = Mapping[str, str | bool | int | float]

_CLEANING = tuple(known.name for known in fields(Cleaning))
_FIT = tuple(known.name for known in fields(FitConfig))
_MODEL = ("vocabulary_limit", "trust_savedmodel", "pooling", "dropout", "sequence_length", "long", "seed")


def built(words: Words, labels: Sequence[str]) -> TextClassifier:
    """The untrained model, as `textgraft train` builds it.

    Args:
        words: "preset" and "precision" among them.
        labels: of the training texts.

    Raises:
        ConfigError: for words that do not suit the preset.
        PresetError: when the preset cannot be loaded.
    """
    cleaning = Cleaning(**_some(words, _CLEANING))
    preset, precision = str(words["preset"]), str(words["precision"])
    return TextClassifier(preset, labels, precision, cleaning=cleaning, **_some(words, _MODEL))


def fitted(model: TextClassifier, words: Words, parts: Parts, watcher: Watcher) -> History:
    """Train, as `textgraft train` does; errors are those of `TextClassifier.fit`."""
    return model.fit(parts.train, parts.validation, watcher, **_some(words, _FIT))


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


def _some(words: Words, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: words[name] for name in names if name in words}
