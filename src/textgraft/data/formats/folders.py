"""A folder a label, a file a text: root/LABEL/*.txt, or root/SPLIT/LABEL/*.txt."""

import os
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Self

import pyarrow as pa

from textgraft.data.columns import Columns
from textgraft.data.formats.base import Format, Row, in_batches
from textgraft.data.streams import lines
from textgraft.errors import DataError

_UNLABELLED = "unsup"  # the Large Movie Review Dataset keeps texts without a label in a folder of this name


class Folders(Format):
    """The texts below one folder, whose subfolders are the labels."""

    columns = ("text", "label")

    def __init__(self, source: str, encoding: str) -> None:
        super().__init__(source)
        self.encoding = encoding

    @classmethod
    def reads(cls, source: str) -> bool:
        """Whether a folder, or its subfolders, have subfolders with .txt files."""
        root = Path(source)
        return root.is_dir() and bool(_labels(root) or _splits(root))

    @classmethod
    def open(cls, source: str, encoding: str) -> dict[str, Self]:
        """A split for each subfolder that has label folders, or "train" when the folder itself has them."""
        if not cls.reads(source):
            raise DataError(f"{source}: no texts found; put them into LABEL/*.txt or SPLIT/LABEL/*.txt")
        splits = _splits(Path(source))
        others = [folder.name for folder in _labels(Path(source)) if folder not in splits]
        if splits and (labels := [name for name in others if name != _UNLABELLED]):
            raise DataError(
                f"{source}: {labels[0]} has texts, like a label, and stands beside {splits[0].name}, which has folders "
                "of labels; move one of them away"
            )
        folders = {folder.name: folder for folder in splits} or {"train": Path(source)}
        return {name: cls(str(folder), encoding) for name, folder in folders.items()}

    @property
    def notices(self) -> tuple[str, ...]:
        """Tells of texts without a label, and of files that are not read."""
        skipped = sum(1 for _ in Path(self.source, _UNLABELLED).glob("*.txt"))
        files = (file for folder in _folders(Path(self.source)) for file in folder.glob("[!.]*") if file.is_file())
        others = sum(file.suffix != ".txt" for file in files)
        return (
            *((f"{self.source}: {skipped} texts without a label ({_UNLABELLED}) left out",) if skipped else ()),
            *((f"{self.source}: {others} files that do not end in .txt left out",) if others else ()),
        )

    def rows(self, columns: Columns) -> Iterator[pa.RecordBatch]:
        """A file a row; `number` counts the files."""
        numbered = enumerate(self._files, start=1)
        return in_batches(Row(n, "".join(lines(str(file), self.encoding)), file.parent.name) for n, file in numbered)

    def place(self, number: int) -> str:
        """The path of the file."""
        return str(self._files[number - 1])

    @cached_property
    def _files(self) -> list[Path]:
        folders = [folder for folder in _labels(Path(self.source)) if folder.name != _UNLABELLED]
        return sorted((file for folder in folders for file in folder.glob("*.txt")), key=_mixed)


def _mixed(file: Path) -> bytes:
    # A slice such as [:60%] is by position: in alphabetical order it would lack the last labels.
    return sha256(os.fsencode(f"{file.parent.name}/{file.name}")).digest()


def _splits(root: Path) -> list[Path]:
    return [folder for folder in _folders(root) if _labels(folder)]


def _labels(root: Path) -> list[Path]:
    return [folder for folder in _folders(root) if any(folder.glob("*.txt"))]


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
