"""Checks of rows as they are read, and of the datasets of a training run."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.columns import MULTI, REGRESSION, SINGLE, Columns
from textgraft.data.dataset import Dataset
from textgraft.data.format import RowReader
from textgraft.errors import DataError


class CheckedRows:
    """The valid rows of a split; iterate over it once.

    Args:
        reader: the split.
        columns: the columns to read.
        empty: treatment of texts that are empty or all white space: "error", "drop" or "keep".
    """

    def __init__(self, reader: RowReader, columns: Columns, empty: str) -> None:
        self._reader = reader
        self._columns = columns
        self._empty = empty
        self._empty_count = 0
        self._first_empty = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches as `RowReader.rows` yields them.

        Raises:
            DataError: at a bad value, or, after the last batch, when there were empty texts and `empty` is "error".
        """
        for batch in self._reader.rows(self._columns):
            for role, name in self._columns.by_role.items():
                values = batch.column(role)
                self._refuse(batch, pc.is_null(values), f"no value for {name!r}; fill it in")
                self._refuse(batch, pc.match_substring(values, "\0"), f"a NUL byte in {name!r}; remove it")
            if self._columns.label is not None and not self._columns.empty_labels:
                self._refuse(
                    batch, _blank(batch.column("label")), f"the label {self._columns.label!r} is empty; fill it in"
                )
            yield batch if self._empty == "keep" else self._without_empty(batch)
        if self._empty_count and self._empty == "error":
            raise DataError(
                f"{self._reader.location(self._first_empty)}: the text is empty ({self._empty_count} in all); "
                "fill it in, or set empty to drop or keep"
            )

    @property
    def notices(self) -> tuple[str, ...]:
        """Lines of information for the user, once all rows are read."""
        dropped = (f"{self._reader.source}: {self._empty_count} empty texts dropped",) if self._empty_count else ()
        return self._reader.notices + dropped

    def _refuse(self, batch: pa.RecordBatch, invalid: pa.BooleanArray, problem: str) -> None:
        row = invalid.index(True).as_py()
        if row >= 0:
            raise DataError(f"{self._reader.location(batch.column('position')[row].as_py())}: {problem}")

    def _without_empty(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        empty = _blank(batch.column("text"))
        if self._columns.pair is not None:
            empty = pc.or_(empty, _blank(batch.column("pair")))
        if not empty.true_count:
            return batch
        if not self._empty_count:
            self._first_empty = batch.column("position")[empty.index(True).as_py()].as_py()
        self._empty_count += empty.true_count
        return batch.filter(pc.invert(empty))


def check_training(train: Dataset, *others: Dataset) -> tuple[str, ...]:
    """Check that a classifier can be trained on `train` and evaluated on `others`.

    Args:
        train: the training set.
        others: validation and test sets.

    Returns:
        a notice for each two sets that share texts.

    Raises:
        DataError: when a set is unlabelled or a label malformed, `train` has a single label or number, or another
            set has a label that `train` lacks.
    """
    train.require_labels()
    for other in others:
        if other.paired != train.paired:
            contents = ["single texts", "pairs of texts"]
            raise DataError(
                f"{other.source}: holds {contents[other.paired]}, {train.source} {contents[train.paired]}; "
                "use sets of the same kind (pair names the column of second texts)"
            )
    if train.problem == REGRESSION:
        numbers = train.numbers()
        if numbers.min() == numbers.max():
            raise DataError(
                f"{train.source}: every text has the number {numbers[0]:g}; training needs at least two numbers"
            )
        for other in others:
            other.numbers()
    else:
        names = train.label_names
        if train.problem == MULTI and not names:
            raise DataError(f"{train.source}: no text has a label; training needs at least one label")
        if train.problem == SINGLE and len(names) == 1:
            raise DataError(
                f"{train.source}: every text has the label {names[0]!r}; training needs at least two labels"
            )
        for other in others:
            if train.problem == MULTI:
                other.label_sets(names)
            else:
                other.label_ids(names)
    return shared_texts([train, *others])


def check_documents(train: Dataset, *others: Dataset) -> tuple[str, ...]:
    """Check that a language model can be trained on `train` and evaluated.

    Returns:
        a notice for each two sets that share texts.

    Raises:
        DataError: when `train` is a single text and there is no other set.
    """
    if not others and len(train) == 1:
        raise DataError(f"{train.source}: one text only; name another source as validation, or cut it into several")
    return shared_texts([train, *others])


def shared_texts(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """A notice for each two datasets that share texts."""
    if len(datasets) < 2:
        return ()
    notices = []
    for (earlier, known), (later, digests) in combinations([(data, data.digests()) for data in datasets], 2):
        shared = int(np.isin(digests, known).sum())
        if shared:
            notices.append(f"{later.source}: {shared} of {len(later)} texts also occur in {earlier.source}")
    return tuple(notices)


def _blank(values: pa.Array) -> pa.BooleanArray:
    return pc.equal(pc.utf8_trim_whitespace(values), "")
