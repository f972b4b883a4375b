"""The dataset: texts and labels that stay on disk until they are asked for."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from itertools import chain, repeat
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from textgraft.data import duplicates
from textgraft.data.columns import listed
from textgraft.data.formats.base import Row, in_batches
from textgraft.data.label_cells import MULTI, REGRESSION, SINGLE, label_set, list_cell, number
from textgraft.data.slices import Slice, stratified
from textgraft.data.store import Store
from textgraft.errors import ConfigError, DataError

_BATCH = 1024

Parsed = TypeVar("Parsed")


class Batch(NamedTuple):
    """Some rows in order.

    Attributes:
        texts: object (n,), UTF-8 bytes.
        labels: object (n,), strings; None when unlabelled.
        pairs: object (n,), UTF-8 bytes of the second texts; None where each row has one text.
    """

    texts: np.ndarray
    labels: np.ndarray | None
    pairs: np.ndarray | None = None

    @property
    def whole(self) -> np.ndarray:
        """The texts, object (n,), or the texts and their second ones, (n, 2)."""
        return self.texts if self.pairs is None else np.stack([self.texts, self.pairs], axis=1)


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Rows of a source: a text, perhaps a second one, perhaps a label. Parts of it are views: they copy no text.

    Attributes:
        source: what messages call it.
        columns: the names of all columns of the source.
        notices: lines that the user should see although nothing is wrong.
        problem: what a label is: "single-label", "multi-label" (a set of labels) or "regression" (a number).
        label_separator: stands between the labels of a set; None where sets are lists.
    """

    source: str
    columns: tuple[str, ...]
    notices: tuple[str, ...]
    _store: Store
    _rows: np.ndarray
    problem: str = SINGLE
    label_separator: str | None = None

    @classmethod
    def from_lists(
        cls,
        texts: Sequence[str],
        labels: Sequence[str] | Sequence[Sequence[str]] | Sequence[float] | None = None,
        source: str = "texts",
        *,
        pairs: Sequence[str] | None = None,
        categories: bool = True,
        problem: str | None = None,
    ) -> Self:
        """A dataset of strings at hand.

        Args:
            texts: at least one.
            labels: one for each text, or None.
            source: what messages call it.
            pairs: a second text for each, or None.
            categories: whether labels are categories; if not, they are kept on disk as they are.
            problem: see `Dataset`; by default "multi-label" where labels are lists, else "single-label".

        Raises:
            DataError: when there are no texts, another number of labels, or something other than strings.
        """
        if problem is None:
            problem = MULTI if labels is not None and len(labels) and isinstance(labels[0], list | tuple) else SINGLE
        categories = categories and problem == SINGLE
        given = {"text": texts, "label": _label_cells(labels, problem), "pair": pairs}
        columns = {key: values for key, values in given.items() if values is not None}
        for key, values in columns.items():
            _require_strings(source, f"{key}s", values)
            if len(values) != len(texts):
                raise DataError(f"{source}: {len(texts)} texts but {len(values)} {key}s; give one for each")
        rows = (Row(number, **dict(zip(columns, row, strict=True))) for number, row in _numbered(columns))
        cells = [key for key in columns if key != "label" or not categories]
        try:
            store = Store.write(in_batches(rows), lambda number: f"{source}, row {number}", cells)
        except UnicodeEncodeError as error:
            raise DataError(f"{source}: half of a surrogate pair in {error.object!r:.60}; remove it") from None
        return cls(source, tuple(columns), (), store, np.arange(len(store)), problem)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self._rows)

    def __repr__(self) -> str:
        named = self._labelled and self.problem != REGRESSION
        labels = f", labels {', '.join(self.label_names)}" if named else ""
        return f"Dataset({self.source}: {len(self)} texts{labels})"

    @property
    def paired(self) -> bool:
        """Whether each row has a second text."""
        return "pair" in self._store.cells

    @property
    def labels(self) -> np.ndarray | None:
        """The label of each row, object (n,) of strings; None when unlabelled."""
        return self._labels(self._rows)

    @property
    def label_names(self) -> list[str]:
        """The categories, or the labels of sets, that occur, sorted; empty when there are none."""
        return list(self.counts())

    def counts(self) -> dict[str, int]:
        """How many rows have each category, or each label of a set, sorted by it; empty when there are none."""
        if self.problem == MULTI:
            return dict(sorted(Counter(chain.from_iterable(self._label_sets())).items()))
        rows = np.bincount(self._codes, minlength=len(self._store.names)).tolist()
        return {name: n for name, n in sorted(zip(self._store.names, rows, strict=False)) if n}

    def require_labels(self) -> np.ndarray:
        """The label of each row, object (n,) of strings.

        Raises:
            DataError: when the rows are unlabelled.
        """
        self._require_labelled()
        return self.labels  # type: ignore[return-value]

    def label_ids(self, label_names: Sequence[str]) -> np.ndarray:
        """The index of each row's label in `label_names`, int32 (n,).

        Raises:
            DataError: when the rows are unlabelled, or a label is not among `label_names`.
        """
        labels = self.require_labels()
        self._require(SINGLE)
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

    def label_sets(self, label_names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The indices in `label_names` of the labels in each row's set.

        Returns:
            indices, int32 (total,), those of all rows end to end, and how many each row has, int64 (n,).

        Raises:
            DataError: when the rows are unlabelled, a cell is no set of labels, or a label is not among `label_names`.
        """
        self._require(MULTI)
        ids = {name: index for index, name in enumerate(label_names)}
        indices, lengths = array("i"), array("q")
        for row, labels in enumerate(self._label_sets()):
            for name in labels:
                if name not in ids:
                    known = ", ".join(label_names)
                    raise DataError(f"{self.place(row)}: label {name!r} is unknown; it must be one of: {known}")
                indices.append(ids[name])
            lengths.append(len(labels))
        return np.frombuffer(indices, np.int32), np.frombuffer(lengths, np.int64)

    def numbers(self) -> np.ndarray:
        """The number of each row, float64 (n,).

        Raises:
            DataError: when the rows are unlabelled, or a cell is no number.
        """
        self._require(REGRESSION)
        return np.fromiter(self._parsed(number), np.float64, len(self))

    def batches(self, size: int = _BATCH) -> Iterator[Batch]:
        """All rows in order, in batches of `size`; the last may be smaller."""
        for start in range(0, len(self), size):
            rows = self._rows[start : start + size]
            pairs = self._store.read("pair", rows) if self.paired else None
            yield Batch(self._store.read("text", rows), self._labels(rows), pairs)

    def text_at(self, row: int) -> str:
        """The text of one row."""
        return str(self._store.read("text", self._rows[[row]])[0], "utf-8")

    def place(self, row: int) -> str:
        """Where a row is in the source, such as "reviews.csv, line 7"."""
        return self._store.place(int(self._rows[row]))

    def take(self, rows: Sequence[int] | np.ndarray) -> Self:
        """The rows with these indices, in this order."""
        return replace(self, _rows=self._rows[np.asarray(rows, np.int64)])

    def part(self, part: Slice) -> Self:
        """The rows of a slice; its bounds are added to the source's name.

        Raises:
            DataError: when there are none.
        """
        if not part.bounds:
            return self
        return replace(self.take(part.rows(len(self))), source=self.source + part.bounds)

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
        drawn = stratified(self._strata, self.digests(), fraction, seed)
        if drawn.all() or not drawn.any():
            raise DataError(f"{self.source}: too few different texts to split; a label needs at least two")
        return self.take(np.flatnonzero(drawn)), self.take(np.flatnonzero(~drawn))

    def digests(self) -> np.ndarray:
        """Digests of the folded texts, V16 (n,); see `duplicates`."""
        return duplicates.digests(text for batch in self.batches() for text in _whole(batch))

    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal digits, of texts and labels in row order."""
        digest = sha256(b"labelled" if self._labelled else b"unlabelled")
        for batch in self.batches():
            labels = repeat("") if batch.labels is None else batch.labels
            for text, label in zip(_whole(batch), labels, strict=False):
                for value in (text, label.encode()):
                    digest.update(len(value).to_bytes(8, "little"))
                    digest.update(value)
        return digest.hexdigest()

    @property
    def _labelled(self) -> bool:
        return bool(self._store.names) or "label" in self._store.cells

    def _labels(self, rows: np.ndarray) -> np.ndarray | None:
        """The labels of rows of the store."""
        if self._store.names:
            names: np.ndarray = np.array(self._store.names, object)
            return names[self._store.codes[rows]]  # type: ignore[no-any-return]
        if "label" not in self._store.cells:
            return None
        return np.array([label.decode() for label in self._store.read("label", rows)], object)

    def _require_labelled(self) -> None:
        if not self._labelled:
            columns = listed(self.columns)
            raise DataError(f"{self.source}: no telling which column is the label; set label to one of: {columns}")

    def _require(self, problem: str) -> None:
        self._require_labelled()
        if self.problem != problem:
            raise DataError(
                f"{self.source}: its labels are {self.problem}, not {problem}; read it with problem {problem}"
            )

    def _label_sets(self) -> Iterator[list[str]]:
        return self._parsed(partial(label_set, separator=self.label_separator))

    def _parsed(self, parse: Callable[[str], Parsed]) -> Iterator[Parsed]:
        """What each row's cell of labels holds."""
        for start in range(0, len(self), _BATCH):
            cells = self._labels(self._rows[start : start + _BATCH])
            for row, cell in enumerate(() if cells is None else cells, start):
                try:
                    yield parse(cell)
                except ValueError as error:
                    raise DataError(f"{self.place(row)}: {error}") from None

    @property
    def _strata(self) -> np.ndarray:
        """What a split keeps in proportion, int (n,): categories; of a set the rarest label, or that there is none."""
        if self.problem != MULTI or not self._labelled:
            return self._codes
        counts = self.counts()
        rank = {name: place for place, name in enumerate(sorted(counts, key=lambda name: counts[name]))}
        rarest = (min((rank[name] for name in labels), default=len(rank)) for labels in self._label_sets())
        return np.fromiter(rarest, np.int64, len(self))

    @property
    def _codes(self) -> np.ndarray:
        return self._store.codes.take(self._rows)


def _numbered(columns: Mapping[str, Sequence[str]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    return enumerate(zip(*columns.values(), strict=True), start=1)


def _label_cells(labels: Sequence[Any] | None, problem: str) -> Sequence[str] | None:
    """Labels as cells: sets and numbers as their JSON text."""
    if labels is None or problem == SINGLE:
        return labels
    if problem == REGRESSION:
        return [str(value) for value in labels]
    return [value if isinstance(value, str) else list_cell(value) for value in labels]


def _whole(batch: Batch) -> np.ndarray:
    """The texts of each row as one; no text holds a NUL."""
    return batch.texts if batch.pairs is None else batch.texts + b"\0" + batch.pairs


def _require_strings(source: str, name: str, values: Sequence[str]) -> None:
    if isinstance(values, str) or not len(values):
        raise DataError(f"{source}: {name} must be a list of at least one string")
    for row, value in enumerate(values, start=1):
        if not isinstance(value, str):
            raise DataError(f"{source}, row {row}: {name} must be strings, not {type(value).__name__}")
