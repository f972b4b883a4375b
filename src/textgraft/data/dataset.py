"""The dataset: texts and labels that stay on disk until they are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count, repeat
from typing import NamedTuple, Self

import numpy as np

from textgraft.data import duplicates
from textgraft.data.columns import listed
from textgraft.data.formats.base import in_batches
from textgraft.data.splits import stratified
from textgraft.data.store import Store
from textgraft.errors import ConfigError, DataError

_BATCH = 1024


class Batch(NamedTuple):
    """Some rows in order.

    Attributes:
        texts: object (n,), UTF-8 bytes.
        labels: object (n,), strings; None when unlabelled.
    """

    texts: np.ndarray
    labels: np.ndarray | None


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Rows of a source, each a text and perhaps a label. Parts of it are views: they copy no text.

    Attributes:
        source: what messages call it.
        columns: the names of all columns of the source.
        notices: lines that the user should see although nothing is wrong.
    """

    source: str
    columns: tuple[str, ...]
    notices: tuple[str, ...]
    _store: Store
    _rows: np.ndarray

    @classmethod
    def from_lists(cls, texts: Sequence[str], labels: Sequence[str] | None = None, source: str = "texts") -> Self:
        """A dataset of strings at hand.

        Args:
            texts: at least one.
            labels: one for each text, or None.
            source: what messages call it.

        Raises:
            DataError: when there are no texts, another number of labels, or something other than strings.
        """
        _require_strings(source, "texts", texts)
        if labels is not None:
            _require_strings(source, "labels", labels)
            if len(labels) != len(texts):
                raise DataError(f"{source}: {len(texts)} texts but {len(labels)} labels; give one for each")
        rows = zip(texts, repeat(None) if labels is None else labels, count(1), strict=False)
        try:
            store = Store.write(in_batches(rows), place=lambda number: f"{source}, row {number}")
        except UnicodeEncodeError as error:
            raise DataError(f"{source}: half of a surrogate pair in {error.object!r:.60}; remove it") from None
        return cls(source, ("text",) if labels is None else ("text", "label"), (), store, np.arange(len(store)))

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def __repr__(self) -> str:
        labels = f", labels {', '.join(self.label_names)}" if self._labelled else ""
        return f"Dataset({self.source}: {len(self)} texts{labels})"

    @property
    def labels(self) -> np.ndarray | None:
        """The label of each row, object (n,) of strings; None when unlabelled."""
        return np.array(self._store.names, object)[self._codes] if self._labelled else None

    @property
    def label_names(self) -> list[str]:
        """The labels that occur, sorted; empty when unlabelled."""
        return list(self.counts())

    def counts(self) -> dict[str, int]:
        """How many rows have each label, by sorted label; empty when unlabelled."""
        rows = np.bincount(self._codes, minlength=len(self._store.names)).tolist()
        return {name: n for name, n in sorted(zip(self._store.names, rows, strict=False)) if n}

    def require_labels(self) -> np.ndarray:
        """The label of each row, object (n,) of strings.

        Raises:
            DataError: when the rows are unlabelled.
        """
        labels = self.labels
        if labels is None:
            columns = listed(self.columns)
            raise DataError(f"{self.source}: no telling which column is the label; set label to one of: {columns}")
        return labels

    def label_ids(self, label_names: Sequence[str]) -> np.ndarray:
        """The index of each row's label in `label_names`, int32 (n,).

        Raises:
            DataError: when the rows are unlabelled, or a label is not among `label_names`.
        """
        labels = self.require_labels()
        ids = {name: index for index, name in enumerate(label_names)}
        for name, rows in self.counts().items():
            if name not in ids:
                first = self.place(int(np.argmax(labels == name)))
                known = ", ".join(label_names)
                raise DataError(
                    f"{first}: label {name!r}, of {rows} texts here, is unknown; it must be one of: {known}"
                )
        # A label that only rows outside this part have may be unknown.
        return np.array([ids.get(name, -1) for name in self._store.names], np.int32).take(self._codes)

    def batches(self, size: int = _BATCH) -> Iterator[Batch]:
        """All rows in order, in batches of `size`; the last may be smaller."""
        labels = self.labels
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield Batch(self._store.texts(self._rows[part]), None if labels is None else labels[part])

    def text_at(self, row: int) -> str:
        """The text of one row."""
        return str(self._store.texts(self._rows[[row]])[0], "utf-8")

    def place(self, row: int) -> str:
        """Where a row is in the source, such as "reviews.csv, line 7"."""
        return self._store.place(int(self._rows[row]))

    def take(self, rows: Sequence[int] | np.ndarray) -> Self:
        """The rows with these indices, in this order."""
        return replace(self, _rows=self._rows[np.asarray(rows, np.int64)])

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """Two parts, drawn at random within each label; the order of rows stays.

        Texts that are the same but for case, white space and Unicode form are never on both sides.

        Args:
            fraction: of the rows that go to the first part, between 0 and 1.
            seed: of the draw; the same seed gives the same parts everywhere.

        Raises:
            ConfigError: when `fraction` is not between 0 and 1.
            DataError: when no label has two texts that differ.
        """
        if not 0 < fraction < 1:
            raise ConfigError(f"the fraction of a split must be between 0 and 1, not {fraction}")
        drawn = stratified(self._codes, self.digests(), fraction, seed)
        if drawn.all() or not drawn.any():
            raise DataError(f"{self.source}: too few different texts to split; a label needs at least two")
        return self.take(np.flatnonzero(drawn)), self.take(np.flatnonzero(~drawn))

    def digests(self) -> np.ndarray:
        """Digests of the folded texts, V16 (n,); see `duplicates`."""
        return duplicates.digests(text for batch in self.batches() for text in batch.texts)

    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal digits, of texts and labels in row order."""
        digest = sha256(b"labelled" if self._labelled else b"unlabelled")
        for batch in self.batches():
            labels = repeat("") if batch.labels is None else batch.labels
            for text, label in zip(batch.texts, labels, strict=False):
                for value in (text, label.encode()):
                    digest.update(len(value).to_bytes(8, "little"))
                    digest.update(value)
        return digest.hexdigest()

    @property
    def _labelled(self) -> bool:
        return bool(self._store.names)

    @property
    def _codes(self) -> np.ndarray:
        return self._store.codes.take(self._rows)


def _require_strings(source: str, name: str, values: Sequence[str]) -> None:
    if isinstance(values, str) or not len(values):
        raise DataError(f"{source}: {name} must be a list of at least one string")
    for row, value in enumerate(values, start=1):
        if not isinstance(value, str):
            raise DataError(f"{source}, row {row}: {name} must be strings, not {type(value).__name__}")
