"""What the values of a row must be: present, free of NUL bytes, and not empty unless the user says so."""

from collections.abc import Iterator
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.columns import Columns
from textgraft.errors import DataError


class Part(Protocol):
    """What rows are read from: a `Format`, or what stands before one."""

    source: str

    @property
    def notices(self) -> tuple[str, ...]:
        """As `Format.notices`."""

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """As `Format.rows`."""

    def place(self, number: int) -> str:
        """As `Format.place`."""


class CheckedRows:
    """The rows of a split that pass; to be iterated over once."""

    def __init__(self, part: Part, columns: Columns, empty: str) -> None:
        """Prepare to read.

        Args:
            part: the split.
            columns: those to read.
            empty: what to do about texts that are empty or all white space: "error", "drop" or "keep".
        """
        self._part = part
        self._columns = columns
        self._empty = empty
        self._empties = 0
        self._first_empty = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Batches as `Format.rows` yields them.

        Raises:
            DataError: at a bad value, or, after the last batch, when there were empty texts and should not be.
        """
        for batch in self._part.rows(self._columns):
            for key, name in self._columns.named.items():
                self._check(batch, key, name)
            if self._columns.label is not None and not self._columns.unlabelled:
                self._refuse(
                    batch, _blank(batch.column("label")), f"the label {self._columns.label!r} is empty; fill it in"
                )
            yield batch if self._empty == "keep" else self._without_empty(batch)
        if self._empties and self._empty == "error":
            place = self._part.place(self._first_empty)
            raise DataError(
                f"{place}: the text is empty ({self._empties} in all); fill it in, or set empty to drop or keep"
            )

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should see, once all rows are read."""
        dropped = (f"{self._part.source}: {self._empties} empty texts dropped",) if self._empties else ()
        return self._part.notices + dropped

    def _check(self, batch: pa.RecordBatch, key: str, name: str) -> None:
        values = batch.column(key)
        self._refuse(batch, pc.is_null(values), f"no value for {name!r}; fill it in")
        self._refuse(batch, pc.match_substring(values, "\0"), f"a NUL byte in {name!r}; remove it")

    def _refuse(self, batch: pa.RecordBatch, bad: pa.BooleanArray, what: str) -> None:
        row = bad.index(True).as_py()
        if row >= 0:
            raise DataError(f"{self._part.place(batch.column('number')[row].as_py())}: {what}")

    def _without_empty(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        empty = _blank(batch.column("text"))
        if self._columns.pair is not None:
            empty = pc.or_(empty, _blank(batch.column("pair")))
        if not empty.true_count:
            return batch
        if not self._empties:
            self._first_empty = batch.column("number")[empty.index(True).as_py()].as_py()
        self._empties += empty.true_count
        return batch.filter(pc.invert(empty))


def _blank(values: pa.Array) -> pa.BooleanArray:
    return pc.equal(pc.utf8_trim_whitespace(values), "")
