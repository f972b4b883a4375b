"""Objects of an object store as files of a source, each downloaded while its rows are read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Format, has_extension
from textgraft.data.split_files import PARTS_MANIFEST, UNFINISHED, files_by_split, is_part, joined_splits, natural_order
from textgraft.errors import DataError
from textgraft.storage.objects import ObjectPath, is_address

_EXTENSIONS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq")


class ObjectFile(Format):
    """An object; its copy in the temporary folder is removed when the rows are read."""

    def __init__(self, path: ObjectPath, open_file: Callable[[str], Format]) -> None:
        """Nothing is downloaded yet; `open_file` opens a file."""
        super().__init__(str(path))
        self._path, self._open_file = path, open_file
        self._folder: TemporaryDirectory[str] | None = None
        self._opened: Format | None = None

    @classmethod
    def can_read(cls, source: str) -> bool:
        return False

    @classmethod
    def open(cls, source: str, options: FileOptions) -> dict[str, "ObjectFile"]:
        raise DataError(f"{source}: objects are opened one by one")

    @property
    def columns(self) -> tuple[str, ...]:
        with self._messages():
            return self._file.columns

    @property
    def copies_columns(self) -> bool:  # type: ignore[override]
        return self._file.copies_columns

    @property
    def copied_as_json(self) -> bool:  # type: ignore[override]
        return self._file.copied_as_json

    @property
    def notices(self) -> tuple[str, ...]:
        return tuple(map(self._named, self._file.notices))

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        with self._messages():
            yield from self._file.rows(columns)
        if self._folder is not None:
            self._folder.cleanup()

    def location(self, position: int) -> str:
        return self._named(self._file.location(position))

    def is_row_number(self, column: str) -> bool:
        return self._file.is_row_number(column)

    def has_flags(self, column: str) -> bool:
        return self._file.has_flags(column)

    def has_lists(self, column: str) -> bool:
        return self._file.has_lists(column)

    def label_type(self, column: str) -> str:
        return self._file.label_type(column)

    @property
    def _file(self) -> Format:
        if self._opened is None:
            self._folder = TemporaryDirectory(prefix="textgraft-object-")
            path = Path(self._folder.name, self._path.name)
            self._path.download(path)
            with self._messages():
                self._opened = self._open_file(str(path))
        return self._opened

    def _named(self, message: str) -> str:
        """A message about the copy, with the address in place of its path."""
        return message.replace(f"{self._folder.name}/{self._path.name}", self.source) if self._folder else message

    @contextmanager
    def _messages(self) -> Iterator[None]:
        try:
            yield
        except DataError as error:
            raise DataError(self._named(str(error))) from error


def open_objects(source: str, format: str | None, open_file: Callable[[str], Format]) -> dict[str, Format]:
    """Open the objects at an address by split; `open_file` opens a copy of one of them.

    Raises:
        DataError: when there are none, a shard is missing, or the folder is still being written.
        ConfigError: when the address has a password.
    """
    if not is_address(source):
        raise DataError(f"{source}: an address; download the file and pass its path")
    splits = _object_splits(ObjectPath.parse(source), format)
    return joined_splits(
        source, {split: [ObjectFile(path, open_file) for path in paths] for split, paths in splits.items()}
    )


def _object_splits(path: ObjectPath, format: str | None) -> dict[str, list[ObjectPath]]:
    """The objects of a source by split: one object, those that a pattern of names matches, or those of a folder."""

    def is_readable(name: str) -> bool:
        return format is not None or has_extension(name, *_EXTENSIONS)

    if path.is_pattern:
        names = [name for name in path.parent.names() if fnmatchcase(name, path.name) and is_readable(name)]
        files = [path.parent / name for name in sorted(names, key=natural_order)]
        splits = files_by_split(files, is_readable)
        if sum(map(len, splits.values())) != len(files):
            splits = {"train": files}
    elif path.is_object():
        return {"train": [path]}
    else:
        names = path.names()
        if UNFINISHED in names and PARTS_MANIFEST not in names:
            raise DataError(f"{path}: incomplete; repeat the command that writes it")
        splits = files_by_split([path / name for name in names], is_readable)
        parts = [path / name for name in sorted(names, key=natural_order) if is_part(name) and is_readable(name)]
        splits = splits or {"train": parts}
    if not any(splits.values()):
        raise DataError(f"{path}: no object that can be read ({', '.join(_EXTENSIONS)}); check the address")
    return splits
