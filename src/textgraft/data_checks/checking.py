"""`check_data`: the checks of a dataset, from Python."""

from os import PathLike
from typing import Any

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.loading import Source
from textgraft.data.splits import read_given, read_split
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.report import DataReport, run_checks
from textgraft.task_specs import TaskSpec, infer_task, task_spec


def check_data(
    data: Dataset | Source,
    *,
    validation: Dataset | Source | None = None,
    test: Dataset | Source | None = None,
    text: str | None = None,
    label: str | None = None,
    pair: str | None = None,
    task: str | None = None,
) -> DataReport:
    """Check the data of a training: repeated texts, leaks, labels, lengths, languages, personal data and drift.

    Args:
        data: training texts, a dataset or a source as in `load_dataset`, whose validation and test splits are used
            unless others are passed.
        validation: the validation set.
        test: the test set.
        text: the column of texts of sources; inferred as by `load_dataset`.
        label: the column of labels.
        pair: the column of second texts.
        task: the id of the task, by default inferred from a path; text-classification for other objects.

    Raises:
        DataError: see `load_dataset`.
    """
    reading = Reading(text, label, pair)
    spec = task_spec(task or _infer(data, reading))
    splits: dict[str, Dataset] = {TRAIN: data} if isinstance(data, Dataset) else read_given(spec, data, reading)
    for name, other in (("validation", validation), ("test", test)):
        if other is not None:
            splits[name] = _read(spec, other, reading)
    return run_checks(CheckedData({name: splits[name] for name in (TRAIN, "validation", "test") if name in splits}))


def _infer(data: Any, reading: Reading) -> str:
    return infer_task(str(data), reading) if isinstance(data, str | PathLike) else "text-classification"


def _read(spec: TaskSpec, source: Dataset | Source, reading: Reading) -> Dataset:
    return source if isinstance(source, Dataset) else read_split(spec, source, reading)
