"""Inputs of commands: texts to predict on, prompts, and data to train on or evaluate with."""

from dataclasses import replace
from typing import Any

from textgraft.cli.options import Sources
from textgraft.data.annotations import TaggedText
from textgraft.data.dataset import Batch
from textgraft.data.reading import Reading
from textgraft.data.splits import Splits, read_split, read_splits
from textgraft.data.streams import TextStream, read_texts
from textgraft.data.tagged import read_tagged
from textgraft.data.text_files import STANDARD_INPUT
from textgraft.errors import ConfigError
from textgraft.task_specs import task_spec


def stream_texts(data: str, reading: Reading, split: str | None, paired: bool | None = None) -> TextStream[Batch]:
    """Texts of a source, or of standard input, a text per line unless a format is set.

    Raises:
        DataError: at once, when the source is missing or empty.
    """
    return read_texts(data, split, _with_format(data, replace(reading, paired=paired)))


def stream_tagged_texts(data: str, reading: Reading, split: str | None) -> TextStream[TaggedText]:
    """`stream_texts`, with the words of the texts where the source has them."""
    return read_tagged(data, split, _with_format(data, reading))


def read_prompts(prompts: list[str] | None, file: str | None, reading: Reading, split: str | None) -> list[str]:
    """The prompts of the command line, or else those of a source, standard input by default.

    Raises:
        ConfigError: when there are both.
        DataError: when the source is missing or malformed.
    """
    if prompts and file:
        raise ConfigError("prompts are given twice: on the command line and in a file; drop one")
    if prompts:
        return prompts
    return [text.decode() for batch in stream_texts(file or STANDARD_INPUT, reading, split) for text in batch.texts]


def read_run_data(
    task: str, data: str, sources: Sources, reading: Reading, seed: int, with_test: bool = True
) -> Splits:
    """The data of a training run; errors are those of `read_splits`."""
    return read_splits(task_spec(task), data, reading, **vars(sources), seed=seed, with_test=with_test)


def read_evaluation_data(stored: Any, data: str, reading: Reading, split: str | None) -> Any:
    """Labelled texts as a stored model takes them; their notices are logged."""
    from textgraft.cli.output.console import log

    dataset = read_split(task_spec(stored.config["task"]), data, reading, split)
    log(*dataset.notices)
    return dataset


def _with_format(data: str, reading: Reading) -> Reading:
    return replace(reading, format="lines") if data == STANDARD_INPUT and reading.format is None else reading
