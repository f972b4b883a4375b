"""Output files, which take their names only when they are complete."""

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from textgraft.cli.output.log import log
from textgraft.errors import ConfigError, DataError
from textgraft.storage.atomic_files import atomic_file, remove_unfinished
from textgraft.storage.disk import disk_errors, is_present, resolve_links
from textgraft.storage.probe import try_writing_file
from textgraft.terminal.escaping import MAX_TEXT, printable


class Writer(Protocol):
    """A growing file; a method `discard`, if it has one, is called after an error."""

    def close(self) -> None:
        """Finish the file."""


AnyWriter = TypeVar("AnyWriter", bound=Writer)


@dataclass(frozen=True)
class Destination:
    """Where rows are written.

    Attributes:
        path: of a file; None for standard output.
        overwrite: whether an existing file is replaced.
        escape_formulas: whether texts that a spreadsheet would calculate begin with an apostrophe, in CSV and TSV.
    """

    path: Path | None
    overwrite: bool = False
    escape_formulas: bool = False


def require_output(path: Path, endings: Iterable[str], overwrite: bool) -> None:
    """Check the path of a file to be written after long work; that it can be written is tried.

    What an interrupted run left beside it is removed, which is logged.

    Raises:
        ConfigError: for an ending without a writer.
        DataError: when the file exists, unless it may be overwritten, or it cannot be written.
    """
    _check_output(path, endings, overwrite)
    with disk_errors("write", path, kind=DataError):
        if remove_unfinished(path):
            log(f"{path}: an earlier run was interrupted; starting over")
    require_writable_file(path)


def require_writable_file(path: Path) -> None:
    """Raise a DataError unless a file can be written, which is tried beside it."""
    target = resolve_links(path)
    folder = target.parent
    with disk_errors("write", path, kind=DataError):
        if path.is_dir():
            raise DataError(f"{path} is a folder; choose the name of a file")
        if is_present(target) and not target.is_file():  # such as a pipe, or /dev/null, which root could replace
            raise DataError(f"{path} is not a regular file, and is not replaced; choose another name")
        if not folder.is_dir():
            raise DataError(f"cannot write {path}: {folder} is not a folder; create it first")
        try_writing_file(path)


class TerminalRows(io.RawIOBase):
    """Standard output on a terminal: shows each line of a UTF-8 file escaped and shortened."""

    def __init__(self) -> None:
        self._line = b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        *lines, self._line = (self._line + bytes(data)).split(b"\n")
        sys.stdout.write("".join(f"{printable(line.decode(errors='replace'), MAX_TEXT)}\n" for line in lines))
        return len(data)

    def flush(self) -> None:
        sys.stdout.flush()


@contextmanager
def open_output(
    path: Path | None,
    formats: Mapping[str, Callable[..., AnyWriter]],
    overwrite: bool,
    *arguments: Any,
    standard: str = "",
) -> Iterator[AnyWriter]:
    """A new file, which takes its name only when it is complete; without a path, standard output.

    Args:
        path: of the file, or None.
        formats: writers by ending.
        overwrite: replace an existing file.
        arguments: of the writer, after the binary file.
        standard: the ending whose writer writes to standard output.

    Raises:
        ConfigError: for an ending without a writer.
        DataError: when the file exists, unless it may be overwritten, or cannot be written.
    """
    if path is None:
        rows: Any = TerminalRows() if sys.stdout.isatty() else sys.stdout.buffer
        writer = formats[standard](rows, *arguments)
        yield writer
        writer.close()
        return
    _check_output(path, formats, overwrite)
    with disk_errors("write", path, kind=DataError), atomic_file(path) as file:
        writer = formats[path.suffix.lower()](file, *arguments)
        try:
            yield writer
            writer.close()
        except BaseException:
            getattr(writer, "discard", lambda: None)()
            raise


def _check_output(path: Path, endings: Iterable[str], overwrite: bool) -> None:
    if path.suffix.lower() not in endings:
        raise ConfigError(f"{path}: choose a name that ends in {', '.join(endings)}")
    with disk_errors("write", path, kind=DataError):
        if is_present(resolve_links(path)) and not overwrite:
            raise DataError(f"{path} exists already; choose another name or pass --overwrite")
