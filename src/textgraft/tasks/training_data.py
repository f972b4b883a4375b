"""The data that `fit`, `plan` and `evaluate` take: any labelled object, as a dataset of the task."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.loading import source_name, split_names
from textgraft.data.python_inputs import conversion, is_source, is_tensor_dataset, type_name
from textgraft.data.splits import read_split, read_splits, shared_texts
from textgraft.data.streams import read_texts
from textgraft.data.tables import is_table, only_column
from textgraft.data.unlabelled import read_unlabelled
from textgraft.errors import ConfigError, DataError
from textgraft.task_specs import TaskSpec

_UNLABELLED = "unlabelled"  # source in messages
_TAKEN = "texts with labels, a Dataset, a DataFrame, an Arrow table, a datasets.Dataset, a tf.data.Dataset or a path"


@dataclass(frozen=True)
class DataReader:
    """Converts objects to datasets of a task, whose tables and files are read with `reading`."""

    spec: TaskSpec
    reading: Reading

    def read(self, data: Any, labels: Any = None, split: str = "train") -> Dataset:
        """A dataset from one of many objects.

        Args:
            data: a dataset; a path or a table, or tables by the names of their splits; a `tf.data.Dataset` of (text,
                label); or texts.
            labels: one for each text, where `data` is texts, or a table of them.
            split: the split to read where there are several.

        Raises:
            DataError: for another object, or one that does not suit the task.
            ConfigError: for labels that are given twice.
        """
        if isinstance(labels, Dataset):
            raise ConfigError("labels must be one for each text, not a Dataset; pass a validation set as validation")
        if labels is not None:
            return self._read_labelled(data, labels)
        if isinstance(data, Dataset):
            return self._check_kind(data)
        if _is_source(data):
            several = len(names := split_names(data, self.reading.format)) > 1
            return read_split(self.spec, data, self.reading, split if several and split in names else None)
        if is_tensor_dataset(data):
            return Dataset.from_examples(data, source_name(data))
        if advice := conversion(data):
            raise DataError(f"{type_name(data)} is not a table{advice}")
        if named := [name for name in ("text", "label", "pair") if getattr(self.reading, name) is not None]:
            raise ConfigError(f"{named[0]} names a column of a table or file, not of a {type_name(data)}; drop it")
        if self.spec.labelled:
            raise DataError(f"data must be {_TAKEN}, not {type_name(data)}")
        return self.spec.from_lists(data, None, self.reading)

    def read_training(
        self, data: Any, labels: Any, validation: Any, seed: int
    ) -> tuple[Dataset, Dataset | None, tuple[str, ...]]:
        """Training set, validation set if there is one, and lines for the user about data that is read here.

        `validation` is None, a tuple of texts and labels, or as `data` in `read`; a path or table may have its own.
        """
        if validation is None and labels is None and _is_source(data):
            splits = read_splits(self.spec, data, self.reading, seed=seed, with_test=False)
            return splits.train, splits.validation, splits.notices
        train = self.read(data, labels)
        if validation is None:
            return train, None, ()
        is_pair = isinstance(validation, tuple) and len(validation) == 2
        texts, labels = validation if is_pair else (validation, None)
        held_out = self.read(texts, labels, "validation")
        return train, held_out, shared_texts(train, held_out)

    def read_unlabelled(self, data: Any, roles: Mapping[str, str]) -> Dataset | None:
        """Texts without labels, from the objects that `read` takes; labels are ignored. None for None.

        `roles` are the columns of the labelled texts, by role.

        Raises:
            DataError: for another object, or one without texts.
        """
        if data is None or isinstance(data, Dataset):
            return data
        if _is_source(data):
            return read_unlabelled(data, self.reading, roles)
        return Dataset.from_lists(data, source=_UNLABELLED)

    def _read_labelled(self, texts: Any, labels: Any) -> Dataset:
        """Texts, or the texts of a table, with labels beside them."""
        if not is_table(texts) or self.spec.dataset_class is not Dataset or self.reading.label is not None:
            if isinstance(texts, Dataset) or is_source(texts):
                raise ConfigError(
                    f"{type_name(texts)} has labels of its own, and labels are given too; drop labels, or pass the "
                    "column of labels as label"
                )
            return self.spec.from_lists(texts, labels, self.reading)
        reading = replace(self.reading, text=self.reading.text or only_column(texts))
        stream = read_texts(texts, None, reading)
        rows = (_decode(row) for batch in stream for row in batch.inputs)
        dataset = self.spec.from_lists(rows, labels, reading)
        return replace(dataset, roles=stream.columns.by_role, notices=dataset.notices + stream.notices)

    def _check_kind(self, data: Dataset) -> Dataset:
        kind = self.spec.dataset_class
        if type(data) is not kind:
            raise DataError(
                f"{data.source}: a {type(data).__name__}, but this task takes a {kind.__name__}; see the Python API"
            )
        return data


def _decode(row: Any) -> Any:
    """A text, or a pair of texts, from UTF-8 bytes."""
    return row.decode() if isinstance(row, bytes) else tuple(map(bytes.decode, row))


def _is_source(data: Any) -> bool:
    return isinstance(data, str) or is_source(data)
