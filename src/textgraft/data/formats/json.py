"""JSON: a list of objects, an object of columns or rows, or JSON lines."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, NamedTuple

from textgraft.data.bounds import ROW_BYTES
from textgraft.data.columns import is_column_name, join_names
from textgraft.data.content import web_page
from textgraft.data.duplicates import first_duplicate
from textgraft.data.json_text import JsonReader, decode_json, value_size
from textgraft.data.records import RecordFile
from textgraft.data.text_files import STANDARD_INPUT, TextLines
from textgraft.errors import DataError, counted

_PREFIX = 1 << 20  # characters by which the layout is recognized
_ITEM_KEYS = ("annotations",)  # of objects that are an item as a whole, such as spaCy's training data
_MAX_IGNORED = 100  # names in memory; a message has fewer
_END = object()
# Of an object of columns, each of which reads the file by itself, in smaller chunks.
_MAX_COLUMNS = 100
_COLUMN_CHUNK = 1 << 17


class _Layout(NamedTuple):
    kind: str
    key: str = ""  # of a list at a key


class JsonFile(RecordFile):
    """Rows in one of the layouts that pandas and Hugging Face datasets write, read with bounded memory.

    - a list of texts
    - a list of objects: [{"text": ..., "label": ...}, ...], or objects one after the other, as JSON lines
    - a list of objects among other keys: {"version": ..., "data": [{...}, ...]}
    - an object of columns: {"text": [...], "label": [...]} or {"text": {"0": ..., "1": ...}, ...}
    - an object of rows: {"0": {"text": ..., "label": ...}, ...}
    - {"columns": ["text", "label"], "index": [...], "data": [[..., ...], ...]}
    """

    extensions = (".json",)
    unit = "row"

    _other_lists: tuple[str, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        return super().notices + self._other_lists

    def items(self) -> Iterator[tuple[int, Any]]:
        chunks = self.lines.chunks()
        prefix = ""
        for chunk in chunks:
            prefix += chunk
            if len(prefix) >= _PREFIX:
                break
        if not prefix.strip():
            return
        if prefix.lstrip()[0] not in "[{":
            problem = web_page(prefix) or f"not JSON, it begins with {prefix.splitlines()[0]!r:.40}; set format"
            raise DataError(f"{self.source}: {problem}")
        position = 1
        try:
            for item in self._items_of(_layout(prefix), JsonReader(chain([prefix], chunks), ROW_BYTES)):
                yield position, {"text": item} if type(item) is str else item
                position += 1
        except (ValueError, RecursionError) as error:
            problem = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise DataError(
                f"{self.location(position)}: not valid JSON, or not a table ({problem}); write a list of objects"
            ) from None

    def _items_of(self, layout: _Layout, reader: JsonReader) -> Iterator[Any]:
        match layout.kind:
            case "list":
                return (reader.value() for _ in reader.elements())
            case "objects":
                return _objects(reader)
            case "rows by key":
                return (reader.value() for _ in reader.members())
            case "list at key":
                return self._list_at(reader, layout.key)
            case "cells":
                return _cells(reader)
            case _:
                return self._columns_side_by_side(reader)

    def _list_at(self, reader: JsonReader, name: str) -> Iterator[Any]:
        ignored: list[str] = []
        for key in reader.members():
            if key == name:
                yield from (reader.value() for _ in reader.elements())
                continue
            ignored += [key] if reader.peek() == "[" and len(ignored) < _MAX_IGNORED else []
            reader.skip()
        if ignored:
            self._other_lists = (f"{self.source}: the list {name!r} is read, ignoring {join_names(ignored)}",)

    def _columns_side_by_side(self, reader: JsonReader) -> Iterator[dict[str, Any]]:
        """Rows of an object of columns, for each of which the file is read once."""
        if self.source == STANDARD_INPUT:
            raise ValueError("an object of columns cannot be read from standard input")
        names: list[str] = []
        for name in reader.members():
            names.append(name)
            if len(names) > _MAX_COLUMNS:
                raise ValueError(f"an object of over {_MAX_COLUMNS} columns")
            reader.skip()
        if (duplicate := first_duplicate(names)) is not None:
            raise ValueError(f"the key {duplicate!r} occurs twice")
        columns = [self._column(name) for name in names]
        while True:
            row, size = dict[str, Any](), 0
            for name, column in zip(names, columns, strict=True):
                row[name] = next(column, _END)
                size += value_size(row[name])
                if size > ROW_BYTES:
                    raise ValueError(f"a row of over {ROW_BYTES >> 20} MiB")
            if all(value is _END for value in row.values()):
                return
            if _END in row.values():
                raise ValueError("columns of different lengths")
            yield row

    def _column(self, name: str) -> Iterator[Any]:
        reader = JsonReader(TextLines(self.source, self.options.encoding, _COLUMN_CHUNK).chunks(), ROW_BYTES)
        for key in reader.members():
            if key != name:
                reader.skip()
            elif reader.peek() in ("[", "{"):
                items: Iterator[Any] = reader.elements() if reader.peek() == "[" else reader.members()
                yield from (reader.value() for _ in items)
                return
            else:
                raise ValueError(f"{name!r} is neither a list nor an object")


def _layout(prefix: str) -> _Layout:
    """The layout of a file that begins so."""
    reader = JsonReader(iter([prefix]), ROW_BYTES)
    if reader.peek() != "{":
        return _Layout("list")
    if _is_row(prefix):
        return _Layout("objects")
    others = "objects"
    with suppress(ValueError):  # where the prefix ends
        for key in reader.members():
            if reader.peek() == "{" and key != "schema":  # that of pandas, before its rows
                inner = next(reader.members(), "")
                rows = is_column_name(inner) or (key.isdigit() and not inner.isdigit())
                return _Layout("rows by key" if rows else "columns")
            if reader.peek() != "[":
                reader.skip()
                continue
            if key in _ITEM_KEYS:
                return _Layout("objects")
            elements = reader.elements()
            first = next((reader.peek() for _ in elements), "")
            if key == "data" or (first == "{" and others != "columns"):
                return _Layout("cells" if first == "[" else "list at key", key)
            others = "columns" if key != "columns" else others
            for _ in chain([0], elements) if first else ():
                reader.skip()
    return _Layout(others)


def _is_row(prefix: str) -> bool:
    """Whether a file begins with an object that is followed by another, or that has strings in known columns."""
    try:
        row, end = decode_json(prefix, len(prefix) - len(prefix.lstrip()))
    except ValueError:
        return False
    return prefix[end:].lstrip().startswith("{") or any(
        isinstance(value, str) and is_column_name(key) for key, value in row.items()
    )


def _objects(reader: JsonReader) -> Iterator[Any]:
    while reader.peek():
        yield reader.value()


def _cells(reader: JsonReader) -> Iterator[dict[str, Any]]:
    names: list[str] | None = None
    for key in reader.members():
        if key == "columns":
            names = _column_names(reader.value())
        elif key == "data" and names is not None:
            yield from (_row(names, reader.value()) for _ in reader.elements())
        elif key == "data":
            raise ValueError("a list of lists in 'data', without 'columns' before it")
        else:
            reader.skip()


def _column_names(names: Any) -> list[str]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("'columns' is not a list of names")
    return names


def _row(names: list[str], cells: Any) -> dict[str, Any]:
    if not isinstance(cells, list) or len(cells) != len(names):
        raise ValueError(f"a row is not a list of {counted(len(names), 'cell')}")
    return dict(zip(names, cells, strict=True))
