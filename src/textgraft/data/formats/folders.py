"""A folder per label, a file per text: root/LABEL/*.txt, or root/SPLIT/LABEL/*.txt."""

import os
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Self

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.file_options import FileOptions
from textgraft.data.format import Format, Row, pack_rows
from textgraft.data.text_files import TextLines
from textgraft.errors import DataError

_UNLABELLED = "unsup"  # folder of texts without labels in the Large Movie Review Dataset


class Folders(Format):
    """The texts below one folder, whose subfolders are the labels."""

    columns = ("text", "label", "file")
    copies_columns = True
    file_options = ("encoding",)

    def __init__(self, source: str, options: FileOptions) -> None:
        super().__init__(source)
        self._encoding = options.encoding
        self._doubtful = 0  # texts in whose encoding there is something to notice
        self._first_doubt: tuple[str, ...] = ()

    @classmethod
    def can_read(cls, source: str) -> bool:
        root = Path(source)
        return root.is_dir() and bool(_label_folders(root) or _split_folders(root))

    @classmethod
    def open(cls, source: str, options: FileOptions) -> dict[str, Self]:
        """A split for each subfolder that has label folders, or "train" when the folder itself has them."""
        if not cls.can_read(source):
            raise DataError(f"{source}: no texts found; put them into LABEL/*.txt or SPLIT/LABEL/*.txt")
        splits = _split_folders(Path(source))
        others = [folder.name for folder in _label_folders(Path(source)) if folder not in splits]
        if splits and (labels := [name for name in others if name != _UNLABELLED]):
            raise DataError(
                f"{source}: {labels[0]} holds texts, like a label, but {splits[0].name} beside it holds folders of "
                "labels; move one of them away"
            )
        folders = {folder.name: folder for folder in splits} or {"train": Path(source)}
        return {name: cls(str(folder), options) for name, folder in folders.items()}

    @property
    def notices(self) -> tuple[str, ...]:
        unlabelled = sum(1 for _ in Path(self.source, _UNLABELLED).glob("*.txt"))
        files = (file for folder in _subfolders(Path(self.source)) for file in folder.glob("[!.]*") if file.is_file())
        others = sum(file.suffix != ".txt" for file in files)
        more = f"{self.source}: the same in {self._doubtful - 1} other files"
        return (
            *self._first_doubt,
            *((more,) if self._doubtful > 1 else ()),
            *((f"{self.source}: ignoring {unlabelled} texts without a label ({_UNLABELLED})",) if unlabelled else ()),
            *((f"{self.source}: ignoring {others} files that do not end in .txt",) if others else ()),
        )

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        return pack_rows(
            (self._row(position, file, columns) for position, file in enumerate(self._files, start=1)), columns.copied
        )

    def _row(self, position: int, file: Path, columns: Columns) -> Row:
        cells = {"text": self._read(file), "label": file.parent.name, "file": f"{file.parent.name}/{file.name}"}
        return Row(position, cells["text"], cells["label"], copied=tuple(cells[name] for name in columns.copied))

    def _read(self, file: Path) -> str:
        lines = TextLines(str(file), self._encoding)
        text = lines.read()
        self._doubtful += bool(lines.notices)
        self._first_doubt = self._first_doubt or lines.notices
        return text

    def location(self, position: int) -> str:
        return str(self._files[position - 1])

    @cached_property
    def _files(self) -> list[Path]:
        folders = [folder for folder in _label_folders(Path(self.source)) if folder.name != _UNLABELLED]
        return sorted((file for folder in folders for file in folder.glob("*.txt") if file.is_file()), key=_shuffled)


def _shuffled(file: Path) -> bytes:
    """Sort key of a fixed random order: in alphabetical order, a slice such as [:60%] would lack the last labels."""
    return sha256(os.fsencode(f"{file.parent.name}/{file.name}")).digest()


def _split_folders(root: Path) -> list[Path]:
    return [folder for folder in _subfolders(root) if _label_folders(folder)]


def _label_folders(root: Path) -> list[Path]:
    return [folder for folder in _subfolders(root) if any(folder.glob("*.txt"))]


def _subfolders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
