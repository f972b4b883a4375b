"""Inputs of commands: texts to predict on, and data to evaluate on."""

from dataclasses import replace
from typing import Any

from textgraft.cli.output.log import log
from textgraft.cli.output.status import status
from textgraft.data.annotations import TaggedText
from textgraft.data.columns import Reading, column_notices, missing_column
from textgraft.data.dataset import Batch
from textgraft.data.labels import SINGLE
from textgraft.data.splits import read_split
from textgraft.data.streams import TextStream, read_texts
from textgraft.data.tagged import read_tagged
from textgraft.data.text_files import STANDARD_INPUT
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


def read_evaluation_data(stored: Any, data: str, reading: Reading, split: str | None) -> Any:
    """Labelled texts as a stored model takes them; their notices are logged."""
    task, settings = stored.config["task"], stored.config["settings"]
    reading = as_trained(stored, reading)
    if task == "text-classification":
        reading = replace(
            reading,
            paired=settings.get("pairs", False),
            problem=settings.get("problem", SINGLE),
            label_separator=reading.label_separator or settings.get("label_separator"),
        )
    spec = task_spec(task)
    with status(f"reading {data}"):
        dataset = read_split(spec, data, reading, split)
    if spec.labelled and "label" not in dataset.roles:
        raise missing_column(dataset.source, dataset.columns, "label", reading)
    log(*column_notices(dataset.source, dataset.columns, dataset.roles, reading), *dataset.notices)
    return dataset


def as_trained(stored: Any, reading: Reading) -> Reading:
    """The same, with the columns that a stored model was trained on."""
    return replace(reading, trained_columns=stored.config.get("columns", {}))


def _with_format(data: str, reading: Reading) -> Reading:
    return replace(reading, format="lines") if data == STANDARD_INPUT and reading.format is None else reading
