"""Inputs of commands: texts to predict on, and data to evaluate on."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from textgraft.cli.output.log import log
from textgraft.cli.output.status import status
from textgraft.data.columns import Reading, column_notices, missing_column
from textgraft.data.dataset import Batch, Dataset
from textgraft.data.input_rows import InputRows, read_inputs
from textgraft.data.labels import SINGLE
from textgraft.data.slices import parse_slices
from textgraft.data.splits import read_split
from textgraft.data.streams import TextStream, read_texts
from textgraft.data.tagged import TaggedDataset, read_tagged_inputs
from textgraft.data.text_files import STANDARD_INPUT
from textgraft.errors import DataError
from textgraft.task_specs import task_spec


def stream_texts(data: str, reading: Reading, split: str | None) -> TextStream[Batch]:
    """Texts of a source, or of standard input, a text per line unless a format is set.

    Raises:
        DataError: at once, when the source is missing or empty.
    """
    return read_texts(data, split, _with_format(data, reading))


def read_rows(stored: Any, data: str, reading: Reading, split: str | None, copied: Sequence[str] | None) -> InputRows:
    """The rows to predict on, as a stored model takes them; `copied` names the columns to be copied, by default all.

    Raises:
        DataError: at once, when the source is missing or empty, or lacks a column.
    """
    reading = _with_format(data, as_trained(stored, reading))
    if stored.config["task"] == "token-classification":
        return read_tagged_inputs(data, split, reading, copied)
    paired = stored.config["settings"].get("pairs", False)
    return read_inputs(data, split, replace(reading, paired=paired), copied)


def read_texts_only(data: str, reading: Reading, split: str | None) -> InputRows:
    """`read_rows` without columns to be copied, for single texts."""
    return read_inputs(data, split, _with_format(data, replace(reading, paired=False)), ())


def read_evaluation_data(stored: Any, data: str, reading: Reading, split: str | None) -> Any:
    """Labelled texts as a stored model takes them; their notices are logged."""
    task = stored.config["task"]
    is_classifier = task == "text-classification"
    reading = classifier_reading(stored, reading) if is_classifier else as_trained(stored, reading)
    spec = task_spec(task)
    with status(f"reading {data}"):
        dataset = read_split(spec, data, reading, split)
    if spec.labelled and "label" not in dataset.roles:
        raise missing_column(dataset.source, dataset.columns, "label", reading)
    log(*column_notices(dataset.source, dataset.columns, dataset.roles, reading), *dataset.notices)
    return dataset


def read_rows_again(stored: Any, data: str, reading: Reading, split: str | None) -> InputRows | None:
    """All rows of the split that `read_evaluation_data` reads, with all columns; None for standard input."""
    if data == STANDARD_INPUT:
        return None
    name = None if split is None else parse_slices(split)[0].split
    return read_rows(stored, data, replace(reading, empty="keep"), name, None)


def read_columns(
    dataset: Dataset, source: str, split: str | None, reading: Reading, copied: Sequence[str] | None = None
) -> InputRows:
    """All rows of the split from which a dataset was read, with the columns of these names, by default all.

    Raises:
        DataError: at once, when the source lacks one.
    """
    reading = replace(reading, empty="keep", missing_labels=None, paired=dataset.paired, trained_columns=dataset.roles)
    if isinstance(dataset, TaggedDataset):
        return read_tagged_inputs(source, split, reading, copied)
    return read_inputs(source, split, reading, copied)


def classifier_reading(stored: Any, reading: Reading) -> Reading:
    """The same, as a stored classifier takes labelled texts."""
    settings = stored.config["settings"]
    return replace(
        as_trained(stored, reading),
        paired=settings.get("pairs", False),
        problem=settings.get("problem", SINGLE),
        label_separator=reading.label_separator or settings.get("label_separator"),
    )


def as_trained(stored: Any, reading: Reading) -> Reading:
    """The same, with the columns that a stored model was trained on."""
    return replace(reading, trained_columns=stored.config.get("columns", {}))


def names_source(data: str) -> bool:
    """Whether an argument that is a text or a source of texts is the latter: standard input, or a name of one."""
    if data == STANDARD_INPUT or os.path.exists(data):  # noqa: PTH110 (also for a name that is too long)
        return True
    return not _is_text(data) and bool(re.search(r"\.\w+$|\*|^\w+:", data))


def _is_text(data: str) -> bool:
    """Whether an argument has several words, and is no name of files with an ending."""
    return bool(re.search(r"\s", data.strip()) and not re.search(r"\.\w+$|\*", data))


def _with_format(data: str, reading: Reading) -> Reading:
    """The same, with lines as the format of standard input; a DataError for a text in place of a source."""
    if _is_text(data) and not os.path.exists(data):  # noqa: PTH110 (also for a name that is too long)
        raise DataError(
            f"{data!r:.60}: no such file; a text itself is read from standard input (echo TEXT | textgraft ...)"
        )
    return replace(reading, format="lines") if data == STANDARD_INPUT and reading.format is None else reading
