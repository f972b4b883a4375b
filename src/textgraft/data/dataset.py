"""The dataset: texts and labels that stay on disk until they are read."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from importlib import import_module
from itertools import repeat
from numbers import Integral, Real
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np

from textgraft.data.bounds import require_few_labels, window_slices
from textgraft.data.columns import join_names, label_candidates
from textgraft.data.html_tables import html_table
from textgraft.data.label_types import STRING, Label, LabelTypes, restore_label, restore_labels
from textgraft.data.labels import MULTI, REGRESSION, SINGLE, join_labels, normalize_label, parse_label_set, parse_number
from textgraft.data.lists import ExampleRows, zip_examples
from textgraft.data.python_inputs import one_line, type_name, values_of
from textgraft.data.random_splits import draw_stratified, text_digests
from textgraft.data.slices import Slice
from textgraft.data.store import Store
from textgraft.errors import ConfigError, DataError, RowIndexError, counted
from textgraft.terminal.escaping import printable

_BATCH_SIZE = 1024
_SHOWN = 10  # rows in a notebook

_Value = TypeVar("_Value")


class Batch(NamedTuple):
    """Consecutive rows: texts and second texts in UTF-8 bytes, and labels as strings, each object (n,) or absent."""

    texts: np.ndarray
    labels: np.ndarray | None
    pairs: np.ndarray | None = None

    @property
    def inputs(self) -> np.ndarray:
        """The texts, object (n,), or the pairs of texts, (n, 2)."""
        return self.texts if self.pairs is None else np.stack([self.texts, self.pairs], axis=1)

    @property
    def joined(self) -> np.ndarray:
        """One string per row, object (n,): pairs are joined by NUL, which no text contains."""
        return self.texts if self.pairs is None else self.texts + b"\0" + self.pairs


class Example(NamedTuple):
    """A row: its text, its label (a list of labels or a number, depending on the problem) and its second text."""

    text: str
    label: Any = None
    pair: str | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Texts with optional second texts and labels, the rows of a source. Parts of a dataset are views, not copies.

    Attributes:
        source: name in messages.
        columns: the names of all columns of the source.
        notices: lines of information for the user.
        problem: "single-label", "multi-label" (a set of labels) or "regression" (a number).
        label_separator: the text between the labels of a set; None where sets are lists.
        label_hint: end of the message where no column of labels was found.
        normalized: whether labels were normalized when they were read, and are compared in that form.
        roles: the columns that were read, by role ("text", "label", "pair"); empty where they have no names.
        label_type: "string", "integer" or "boolean", the type of `label_names`; other methods use strings.
        held_out_of: the dataset of which these rows were held out for validation, because no validation set was named.
    """

    source: str
    columns: tuple[str, ...]
    notices: tuple[str, ...]
    _store: Store
    _rows: np.ndarray
    problem: str = SINGLE
    label_separator: str | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    label_type: str = STRING
    normalized: bool = False
    label_hint: str = ""
    held_out_of: "Dataset | None" = None

    @classmethod
    def from_lists(
        cls,
        texts: Iterable[Any],
        labels: Iterable[Any] | None = None,
        source: str = "texts",
        *,
        pairs: Iterable[Any] | None = None,
        categories: bool = True,
        problem: str | None = None,
    ) -> Self:
        """Build a dataset from lists, tuples, arrays, Series or generators: at least one text, and as many labels.

        Args:
            texts: strings, or pairs of strings.
            labels: strings, integers or booleans, lists of them, or numbers, depending on the problem.
            source: name in messages.
            pairs: second texts, where `texts` are strings.
            categories: whether labels are categories; if not, they are kept on disk as they are.
            problem: see `Dataset`; by default "multi-label" where labels are lists, else "single-label".

        Raises:
            DataError: when there are no texts, the numbers of texts and labels differ, or a value is missing or of
                another type.
            ConfigError: for an unknown problem.
        """
        columns = {"text": texts, "label": labels, "pair": pairs}
        roles = [role for role, column in columns.items() if column is not None]
        return cls._store_rows(ExampleRows(source, zip_examples(source, columns), roles, problem), source, categories)

    @classmethod
    def from_examples(cls, examples: Iterable[tuple[Any, Any]], source: str = "examples") -> Self:
        """Build a dataset from rows (text, label); errors are those of `from_lists`."""
        rows = map(partial(_example, source), values_of(examples, source))
        return cls._store_rows(ExampleRows(source, rows, ("text", "label"), None), source)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        named = self._labelled and self.problem != REGRESSION
        labels = f", labels {join_labels(list(self.counts()))}" if named else ""
        return printable(f"Dataset({self.source}: {len(self)} texts{labels})")

    def __iter__(self) -> Iterator[Any]:
        """All rows in order, as `Example`s, read batch by batch."""
        labels: Iterator[Any] = self._row_labels() if self._labelled else repeat(None)
        for batch in self.batches():
            pairs = repeat(None) if batch.pairs is None else map(bytes.decode, batch.pairs)
            yield from map(Example, map(bytes.decode, batch.texts), labels, pairs)

    def __getitem__(self, key: int | slice) -> Any:
        """A row, or the rows of a slice as a dataset.

        Raises:
            RowIndexError: for a row that does not exist, or a key that is not a whole number or a slice.
        """
        try:
            if isinstance(key, slice):
                return self.take(range(len(self))[key])
            return next(iter(self.take([range(len(self))[key]])))
        except (TypeError, IndexError):
            rows = f"0 to {len(self) - 1}" if len(self) else "none"
            raise RowIndexError(f"{self.source}: no row {one_line(key)}; its rows are {rows}") from None

    def _repr_html_(self) -> str:
        columns = self.shown_fields
        return html_table(repr(self), columns, ([getattr(row, name) for name in columns] for row in self[:_SHOWN]))

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with the columns text, label and pair, or their names in the source.

        Raises:
            ConfigError: when pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError:
            raise ConfigError("to_pandas needs pandas; pip install pandas") from None
        columns = zip(*([getattr(row, name) for name in self.shown_fields] for row in self), strict=True)
        names = [self.roles.get(name, name) for name in self.shown_fields]
        return pandas.DataFrame(dict(zip(names, columns, strict=True)))

    @property
    def paired(self) -> bool:
        """Whether each row has a second text."""
        return "pair" in self._store.cells

    @property
    def labels(self) -> np.ndarray | None:
        """The label of each row, object (n,) of strings; None when unlabelled."""
        return self._labels(self._rows)

    @property
    def label_names(self) -> Sequence[Label]:
        """The categories, or the labels of sets, that occur, sorted; empty when there are none."""
        return restore_labels(self.counts(), self.label_type)

    def counts(self) -> dict[str, int]:
        """The number of rows with each category, or each label of a set, sorted by label; empty when there are none."""
        if self.problem == MULTI:
            counts = Counter[str]()
            for names in self._label_sets():
                counts.update(names)
                require_few_labels(self.source, counts)
            return dict(sorted(counts.items()))
        rows = np.bincount(self._codes, minlength=len(self._store.names)).tolist()
        return {name: count for name, count in sorted(zip(self._store.names, rows, strict=False)) if count}

    def require_labels(self) -> np.ndarray:
        """The label of each row, object (n,) of strings; a DataError when the rows are unlabelled."""
        self._require_labelled()
        return self.labels  # type: ignore[return-value]

    def label_ids(self, label_names: Iterable[Label]) -> np.ndarray:
        """The index of each row's label in `label_names`, int32 (n,); a DataError for any other label, or none."""
        label_names = stored_names(label_names)
        labels = self.require_labels()
        self._require(SINGLE)
        if not self._store.names:
            raise DataError(f"{self.source}: its labels are not categories; read it with load_dataset")
        ids = self._label_indices(label_names)
        for name, count in self.counts().items():
            if name not in ids:
                location = self.location(int(np.argmax(labels == name)))
                raise unknown_label(location, name, label_names, f" ({counted(count, 'text')})")
        # A category that occurs only outside this part may be unknown.
        return np.array([ids.get(name, -1) for name in self._store.names], np.int32).take(self._codes)

    def label_sets(self, label_names: Iterable[Label]) -> tuple[np.ndarray, np.ndarray]:
        """The indices in `label_names` of all labels, int32 (total,), and the number of labels of each row, int64 (n,).

        Raises:
            DataError: when the rows are unlabelled, a cell is not a set of labels, or a label is not among
                `label_names`.
        """
        self._require(MULTI)
        label_names = stored_names(label_names)
        ids = self._label_indices(label_names)
        indices, lengths = array("i"), array("q")
        for row, labels in enumerate(self._label_sets()):
            for name in labels:
                if name not in ids:
                    raise unknown_label(self.location(row), name, label_names)
                indices.append(ids[name])
            lengths.append(len(labels))
        return np.frombuffer(indices, np.int32), np.frombuffer(lengths, np.int64)

    def numbers(self) -> np.ndarray:
        """The number of each row, float64 (n,); a DataError when a cell is not a number, or the rows are unlabelled."""
        self._require(REGRESSION)
        return np.fromiter(self._parse_labels(parse_number), np.float64, len(self))

    def batches(self, size: int = _BATCH_SIZE) -> Iterator[Batch]:
        """All rows in order, in batches of at most `size` rows and 64 MiB."""
        if not isinstance(size, Integral) or size < 1:
            raise ConfigError(f"the size of a batch must be a whole number, at least 1, not {one_line(size)}")
        for part in self.windows(int(size)):
            rows = self._rows[part.start : part.stop]
            pairs = self._store.read("pair", rows) if self.paired else None
            yield Batch(self._store.read("text", rows), self._labels(rows), pairs)

    def windows(self, size: int) -> Iterator[range]:
        """The indices of all rows in order, in the parts that `batches` returns."""
        for start in range(0, len(self), size):
            rows = range(start, min(start + size, len(self)))
            for part in window_slices(self._store.sizes(self._rows[rows.start : rows.stop]), size):
                yield rows[part]

    def location(self, row: int) -> str:
        """Location of a row in the source, such as "reviews.csv, line 7"."""
        return self._store.location(int(self.take([row])._rows[0]))

    def take(self, rows: Sequence[int] | np.ndarray) -> Self:
        """The rows with these indices, in this order; a RowIndexError for rows that do not exist, or other objects."""
        try:
            indices = np.asarray(rows)
            if indices.ndim != 1 or (len(indices) and indices.dtype.kind not in "iu"):
                raise ValueError
            return replace(self, _rows=self._rows[indices.astype(np.int64)], held_out_of=None)
        except Exception:  # numpy raises what an object raises
            raise RowIndexError(
                f"{self.source}: rows must be whole numbers below {len(self)} in a list, not {one_line(rows)}"
            ) from None

    def slice(self, bounds: Slice) -> Self:
        """The rows of a slice, whose bounds are added to the source's name; a DataError when there are none."""
        if not isinstance(bounds, Slice):
            raise ConfigError(f"slice takes a Slice, not {type_name(bounds)}; write data[1:5]")
        if not bounds.bounds:
            return self
        return replace(self.take(bounds.rows(len(self))), source=self.source + bounds.bounds)

    def split(self, fraction: float, seed: int = 0) -> tuple[Self, Self]:
        """Split at random into two parts, stratified by label; the order of rows is kept.

        Duplicates, which are texts that differ only in case, white space and Unicode form, go to the same part. The
        second part has no more than its share, rounded down, and a text of each label where that is possible; the
        first has a text of every label.

        Args:
            fraction: share of the rows in the first part, between 0 and 1.
            seed: the same seed gives the same parts on every machine.

        Raises:
            ConfigError: when `fraction` is not between 0 and 1.
            DataError: when no label has two different texts.
        """
        if not isinstance(fraction, Real) or not 0 < fraction < 1:
            raise ConfigError(f"the fraction of a split must be between 0 and 1, not {one_line(fraction)}")
        if not isinstance(seed, Integral) or seed < 0:
            raise ConfigError(f"the seed of a split must be a whole number, at least 0, not {one_line(seed)}")
        drawn = draw_stratified(self._strata(), self.digests(), fraction, seed)
        if drawn.all() or not drawn.any():
            raise DataError(f"{self.source}: too few different texts to split; a label needs at least two")
        return self.take(np.flatnonzero(drawn)), self.take(np.flatnonzero(~drawn))

    def digests(self) -> np.ndarray:
        """Digests of the folded texts, V16 (n,): equal for duplicates."""
        return text_digests(text for batch in self.batches() for text in batch.joined)

    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal digits, of texts and labels in row order."""
        digest = sha256(b"labelled" if self._labelled else b"unlabelled")
        for batch in self.batches():
            labels = repeat("") if batch.labels is None else batch.labels
            for text, label in zip(batch.joined, labels, strict=False):
                for value in (text, label.encode()):
                    digest.update(len(value).to_bytes(8, "little") + value)
        return digest.hexdigest()

    @classmethod
    def _store_rows(cls, rows: ExampleRows, source: str, categories: bool = True) -> Self:
        stored = [role for role in rows.roles if role != "label" or not categories or rows.problem != SINGLE]
        store = rows.store(stored)
        return cls(source, rows.roles, (), store, np.arange(len(store)), rows.problem, label_type=rows.label_type)

    @property
    def shown_fields(self) -> list[str]:
        """The fields of a row that have values."""
        return ["text", *(["label"] if self._labelled else []), *(["pair"] if self.paired else [])]

    def _row_labels(self) -> Iterator[Any]:
        """The label of each row in the user's type, a list of labels or a number."""
        if self.problem == REGRESSION:
            return self._parse_labels(parse_number)
        if self.problem == MULTI:
            return ([restore_label(name, self.label_type) for name in names] for names in self._label_sets())
        return self._parse_labels(partial(restore_label, kind=self.label_type))

    @property
    def _labelled(self) -> bool:
        return bool(self._store.names) or "label" in self._store.cells

    @property
    def _codes(self) -> np.ndarray:
        return self._store.codes.take(self._rows)

    def _labels(self, rows: np.ndarray) -> np.ndarray | None:
        if self._store.names:
            names: np.ndarray = np.array(self._store.names, object)
            return names[self._store.codes[rows]]  # type: ignore[no-any-return]
        if "label" not in self._store.cells:
            return None
        return np.array([label.decode() for label in self._store.read("label", rows)], object)

    def _label_indices(self, label_names: Sequence[str]) -> dict[str, int]:
        return {normalize_label(name) if self.normalized else name: index for index, name in enumerate(label_names)}

    def _require_labelled(self) -> None:
        if not self._labelled:
            if not self.roles:
                raise DataError(f"{self.source}: the texts have no labels; give one for each")
            candidates = label_candidates(self.columns, self.roles)
            if not candidates:
                raise DataError(f"{self.source}: no column of labels beside {join_names(self.columns)}; add one")
            problem = f"cannot infer the label column; set label to one of: {join_names(candidates)}"
            raise DataError(f"{self.source}: {problem}{self.label_hint}")

    def _require(self, problem: str) -> None:
        self._require_labelled()
        if self.problem != problem:
            raise DataError(f"{self.source}: its labels are {self.problem}; read it with problem {problem}")

    def _label_sets(self) -> Iterator[list[str]]:
        return self._parse_labels(partial(parse_label_set, separator=self.label_separator))

    def _parse_labels(self, parse: Callable[[str], _Value]) -> Iterator[_Value]:
        for start in range(0, len(self), _BATCH_SIZE):
            cells = self._labels(self._rows[start : start + _BATCH_SIZE])
            for row, cell in enumerate(() if cells is None else cells, start):
                try:
                    yield parse(cell)
                except ValueError as error:
                    raise DataError(f"{self.location(row)}: {error}") from None

    def _strata(self) -> np.ndarray:
        """The classes that a split keeps in proportion, int (n,): categories, or the rarest label of each set."""
        if self.problem != MULTI or not self._labelled:
            return self._codes
        counts = self.counts()
        rank = {name: index for index, name in enumerate(sorted(counts, key=lambda name: counts[name]))}
        rarest = (min((rank[name] for name in labels), default=len(rank)) for labels in self._label_sets())
        return np.fromiter(rarest, np.int64, len(self))


def stored_names(labels: Iterable[Label]) -> list[str]:
    """Labels in any type as they are stored; a DataError for another object."""
    types = LabelTypes()
    try:
        return [types.name(label) for label in values_of(labels, "labels")]
    except ValueError as error:
        raise DataError(str(error)) from None


def _example(source: str, example: Any) -> tuple[Any, Any, None]:
    """A row (text, label) with an absent second text."""
    if not isinstance(example, list | tuple) or len(example) != 2:
        raise DataError(f"{source}: rows must be a text and a label, not {one_line(example)}")
    return example[0], example[1], None


def unknown_label(location: str, label: str, label_names: Sequence[str], count: str = "") -> DataError:
    """The error for a label that training did not have; `count` follows it in the message."""
    problem = f"{location}: unknown label {label!r}{count}; expected one of: {join_labels(label_names)}"
    if normalize_label(label) in map(normalize_label, label_names):
        problem += "; to merge labels that differ only in case, white space or decimals, set normalize_labels"
    return DataError(problem)
