"""Errors of the system, injected into the calls by which a process uses files.

    python tools/faults.py ERRNO CALL:K VERB ...        run `textgraft VERB ...`, whose k-th CALL fails: EIO fsync:3
    python tools/faults.py ERRNO CALL:K+ VERB ...       from there on, every call fails that changes files
    python tools/faults.py ERRNO CALL@PART:K VERB ...   only calls count whose path contains PART

Calls count whose path is in the working folder. CALL is the name of a function of `os`, "create" (an open that may
write), "flock", "exchange", or "any".
"""

import builtins
import errno
import fcntl
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textgraft.storage import exchange

# Functions of `os` whose first argument is a path or a descriptor.
_FUNCTIONS = (
    "access", "chmod", "chown", "close", "fchmod", "fdatasync", "fstat", "fsync", "ftruncate", "link", "listdir",
    "lstat", "mkdir", "mkfifo", "open", "read", "readlink", "remove", "rename", "replace", "rmdir", "scandir", "stat",
    "statvfs", "symlink", "truncate", "unlink", "utime", "write",
)  # fmt: skip
CHANGES = frozenset({
    "chmod", "create", "exchange", "fdatasync", "flock", "fsync", "ftruncate", "link", "mkdir", "remove", "rename",
    "replace", "rmdir", "symlink", "truncate", "unlink", "utime", "write",
})  # fmt: skip

_MAY_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT


Fails = Callable[[int, str, str], bool]


class Faults:
    """Counts the calls for paths in a folder, and fails some of them.

    Attributes:
        calls: the names of the calls so far.
    """

    def __init__(
        self,
        folder: Path,
        code: int = 0,
        fails: Fails = lambda index, name, path: False,
        late: bool = False,
    ) -> None:
        """Prepare faults.

        Args:
            folder: its absolute path.
            code: errno of the faults.
            fails: whether a call fails, by its index in `calls`, its name and its path.
            late: whether a call that fails takes effect all the same, as when a network file system loses the answer.
        """
        self.calls: list[str] = []
        self._folder, self._code, self._fails, self._late = os.fspath(folder), code, fails, late
        self._paths: dict[int, str] = {}  # of open descriptors
        self._written: set[int] = set()  # descriptors that may write; only their closing can fail

    @contextmanager
    def injected(self) -> Iterator[None]:
        """Replace the functions of this process."""
        wrapped = [
            *((os, name, self._wrap(name, getattr(os, name))) for name in _FUNCTIONS),
            (fcntl, "flock", self._wrap("flock", fcntl.flock)),
            (exchange, "exchange_names", self._wrap("exchange", exchange.exchange_names)),
            *((module, "open", self._wrap_open(io.open)) for module in (io, builtins)),
        ]
        originals = [(module, name, getattr(module, name)) for module, name, _ in wrapped]
        try:
            for attribute in wrapped:
                setattr(*attribute)
            yield
        finally:
            for attribute in originals:
                setattr(*attribute)

    def run(self, name: str, path: str, call: Callable[[], Any], part: Callable[[], Any] = lambda: None) -> Any:
        """Count a call and run it, or fail it, perhaps after a part of it."""
        self.calls.append(name)
        if not self._fails(len(self.calls) - 1, name, path):
            return call()
        if self._late or name == "close":
            call()
        else:
            part()
        raise OSError(self._code, os.strerror(self._code), path)

    def close(self, descriptor: int, call: Callable[[], Any]) -> Any:
        """Close a descriptor."""
        path = self._paths.pop(descriptor, None)
        if path is None or descriptor not in self._written:
            return call()
        self._written.discard(descriptor)
        return self.run("close", path, call)

    def _wrap(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(file: Any = ".", *arguments: Any, **options: Any) -> Any:
            def call() -> Any:
                return function(file, *arguments, **options)

            path = self._locate(file, options.get("dir_fd"))
            if path is None:
                return call()
            if name == "close":
                return self.close(file, call)
            if name == "open":
                return self._open(path, bool(arguments[0] & _MAY_WRITE), call)
            return self.run(name, path, call)

        return wrapped

    def _wrap_open(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            def call() -> Any:
                return function(file, mode, *arguments, **options)

            path = self._locate(file, None)
            if path is None:
                return call()
            opened = call() if isinstance(file, int) else self._open(path, bool(set(mode) & set("wxa+")), call)
            return _File(self, path, opened)

        return wrapped

    def _open(self, path: str, may_write: bool, call: Callable[[], Any]) -> Any:
        opened = self.run("create" if may_write else "open", path, call)
        descriptor = opened if isinstance(opened, int) else opened.fileno()
        self._paths[descriptor] = path
        if may_write:
            self._written.add(descriptor)
        return opened

    def _locate(self, file: Any, parent: int | None) -> str | None:
        """The path of a file in the folder; None for others."""
        if isinstance(file, int):
            return self._paths.get(file)
        path = os.fsdecode(file)
        if not path.startswith("/"):
            path = os.path.normpath(Path.cwd() / path if parent is None else f"{self._paths.get(parent)}/{path}")
        return path if path.startswith(self._folder) else None


class _File:
    """A file whose reads, writes and closing can fail."""

    def __init__(self, faults: Faults, path: str, file: Any) -> None:
        self._faults, self._path, self._file = faults, path, file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def write(self, data: Any) -> int:
        half = data[: len(data) // 2]
        return self._faults.run("write", self._path, lambda: self._file.write(data), lambda: self._file.write(half))

    def read(self, *size: int) -> Any:
        return self._faults.run("read", self._path, lambda: self._file.read(*size))

    def readinto(self, buffer: Any) -> int:
        return self._faults.run("read", self._path, lambda: self._file.readinto(buffer))

    def close(self) -> None:
        if not self._file.closed:
            self._faults.close(self._file.fileno(), self._file.close)


def select(fault: str) -> Fails:
    """Which calls fail, as CALL@PART:K+ says, see above."""
    call, _, number = fault.rpartition(":")
    name, _, part = call.partition("@")
    first, count = int(number.removesuffix("+")), 0

    def fails(index: int, called: str, path: str) -> bool:
        nonlocal count
        is_counted = name in (called, "any") and part in path
        count += is_counted
        return count >= first and called in CHANGES if number.endswith("+") else is_counted and count == first

    return fails


def main() -> None:
    """Run `textgraft` with faults, from the command line."""
    from textgraft.cli import main as textgraft

    code, fails = getattr(errno, sys.argv.pop(1)), select(sys.argv.pop(1))
    with Faults(Path.cwd(), code, fails).injected():
        textgraft()


if __name__ == "__main__":
    main()
