"""Files that hold the splits of a source: named after a split, and in shards, as datasets on the hub are."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Format, is_lines_file
from textgraft.errors import DataError
from textgraft.storage.objects import ObjectPath

SPLIT_NAMES = ("train", "validation", "valid", "val", "dev", "test", "unlabelled", "unlabeled", "unsupervised")

# train-00000-of-00002.parquet, and with a part of a hash before the extension
_SHARD = re.compile(rf"({'|'.join(SPLIT_NAMES)}|[\w-]+)-(\d{{5}})-of-(\d{{5}})(-[0-9a-f]{{16}})?\..+", re.IGNORECASE)
# The files of one split that textgraft, Spark or Dask wrote: part-00000-4f1c.c000.snappy.parquet, part.0.parquet
_PART = re.compile(r"part[-.]\d+\b.*")
# In a folder of parts by textgraft: the manifest of a complete one, and the folder in one that is being written.
PARTS_MANIFEST, UNFINISHED = "shards.json", ".unfinished"
_FOLDERS = (".", "data")  # of the shards in a dataset
_PART_BITS = 40  # of a position within a shard

_IsReadable = Callable[[str], bool]
_File = TypeVar("_File", Path, ObjectPath)


class Shards(Format):
    """Files that are one split, in order."""

    def __init__(self, source: str, parts: Sequence[Format]) -> None:
        super().__init__(source)
        self._parts = parts
        self.copies_columns = parts[0].copies_columns
        self.copied_as_json = parts[0].copied_as_json

    @classmethod
    def can_read(cls, source: str) -> bool:
        return False

    @classmethod
    def open(cls, source: str, options: FileOptions) -> dict[str, "Shards"]:
        raise DataError(f"{source}: shards are opened one by one")

    @property
    def columns(self) -> tuple[str, ...]:
        return self._parts[0].columns

    @property
    def notices(self) -> tuple[str, ...]:
        notices = (notice for part in self._parts for notice in part.notices)
        return (f"{self.source}: {len(self._parts)} files are read as one split", *notices)

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        for index, part in enumerate(self._parts):
            names = (*columns.by_role.values(), *columns.copied)
            if missing := [name for name in names if name not in part.columns]:
                raise DataError(f"{part.source}: no column {missing[0]!r}, which {self._parts[0].source} has")
            for batch in part.rows(columns):
                column = batch.schema.get_field_index("position")
                positions = pc.add(batch.column("position"), index << _PART_BITS)
                yield batch.set_column(column, "position", positions)

    def location(self, position: int) -> str:
        return self._parts[position >> _PART_BITS].location(position % (1 << _PART_BITS))

    def is_row_number(self, column: str) -> bool:
        return self._parts[0].is_row_number(column)

    def has_flags(self, column: str) -> bool:
        return self._parts[0].has_flags(column)

    def has_lists(self, column: str) -> bool:
        return self._parts[0].has_lists(column)

    def label_type(self, column: str) -> str:
        types = {part.label_type(column) for part in self._parts}
        if len(types) > 1:
            raise DataError(f"{self.source}: the column {column!r} mixes {' and '.join(sorted(types))}; use one type")
        return types.pop()


def joined_splits(source: str, splits: Mapping[str, Sequence[Format]]) -> dict[str, Format]:
    """A reader of each split of a source, whose files are read as one."""
    return {
        split: parts[0] if len(parts) == 1 else Shards(f"{source} {split}", parts) for split, parts in splits.items()
    }


def split_files(folder: Path, is_readable: _IsReadable) -> dict[str, list[Path]]:
    """The files of a folder that are named after splits or in folders that are, in the order of the splits.

    Without any, files named as parts are one split, "train".

    Raises:
        DataError: when two files are the same split, a shard is missing, or parts are still being written.
    """
    for files in (folder / name for name in _FOLDERS):
        if files.is_dir() and (splits := files_by_split(filter(Path.is_file, sorted(files.iterdir())), is_readable)):
            return splits
    folders = {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_dir()}
    parts = {name: _parts(folders[name], is_readable) for name in SPLIT_NAMES if name in folders}
    if splits := {name: files for name, files in parts.items() if files}:
        return splits
    if (folder / UNFINISHED).is_dir() and not (folder / PARTS_MANIFEST).exists():
        raise DataError(f"{folder}: incomplete; repeat the command that writes it")
    names = sorted((path.name for path in folder.iterdir() if is_part(path.name)), key=natural_order)
    train = [folder / name for name in names if (folder / name).is_file() and is_readable(str(folder / name))]
    return {"train": train} if train else {}


def _parts(folder: Path, is_readable: _IsReadable) -> list[Path]:
    """Files named 0000.parquet, 0001.parquet, ...; a .txt file is a text."""
    files = (file for file in sorted(folder.iterdir()) if file.stem.isdigit() and not is_lines_file(file.name))
    return [file for file in files if is_readable(str(file))]


def is_part(name: str) -> bool:
    """Whether a file is named as one of a split that textgraft, Spark or Dask wrote."""
    return _PART.fullmatch(name) is not None


def is_pattern(source: str) -> bool:
    """Whether a source is a pattern of file names, such as data/*.parquet."""
    return has_magic(source) and not Path(source).exists()


def matching_files(pattern: str, is_readable: _IsReadable) -> dict[str, list[Path]]:
    """The files that a pattern matches, in natural order, by split if they are named so, or as one split, "train".

    Raises:
        DataError: when there are none, or a shard is missing.
    """
    files = [Path(name) for name in sorted(glob(pattern), key=natural_order)]  # noqa: PTH207 (of any folder)
    files = [file for file in files if file.is_file() and is_readable(str(file))]
    if not files:
        raise DataError(f"{pattern}: no file that can be read matches; check the name")
    splits = files_by_split(files, is_readable)
    return splits if sum(map(len, splits.values())) == len(files) else {"train": files}


def files_by_split(files: Iterable[_File], is_readable: _IsReadable) -> dict[str, list[_File]]:
    """The files that are named after splits, in the order of the splits; a DataError as by `split_files`."""
    splits: dict[str, list[_File]] = {}
    for file in files:
        shard = _SHARD.fullmatch(file.name)
        split = (shard[1] if shard else file.name.split(".")[0]).lower()
        if not (shard or split in SPLIT_NAMES) or not is_readable(str(file)):
            continue
        others = splits.setdefault(split, [])
        if others and not (shard and _SHARD.fullmatch(others[0].name)):
            raise DataError(f"{file.parent}: both {others[0].name} and {file.name} are {split}; remove one")
        others.append(file)
    for split, parts in splits.items():
        if (shard := _SHARD.fullmatch(parts[0].name)) and len(parts) != int(shard[3]):
            raise DataError(f"{parts[0].parent}: {len(parts)} of the {int(shard[3])} shards of {split}; get the others")
    order = {name: index for index, name in enumerate(SPLIT_NAMES)}
    return dict(sorted(splits.items(), key=lambda item: order.get(item[0], len(order))))


def natural_order(name: str) -> list[tuple[int, str]]:
    """Sort key by which 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]
