"""A disk cache of arrays that are expensive to compute, keyed by the hash of their inputs.

Entries are read where only this user or root can have written them, and when they have exactly the form that the reader
states (`ArraySpec`); any other entry is absent, and is replaced when it is this user's.
"""

import hashlib
import io
import math
import os
import re
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from textgraft.errors import BusyError, ConfigError, ModelFolderError
from textgraft.storage import folders
from textgraft.storage.finite import is_finite
from textgraft.storage.ownership import is_protected
from textgraft.storage.verification import open_regular, read_manifest, unlisted_files

_GIB = 1 << 30
_KEY = re.compile("[0-9a-f]{64}")
_DEFAULT_GIB = 5.0

# Of the arrays of an entry, which is read into memory: 8 times the token ids of 2,048 texts of 4,096 tokens.
MAX_ENTRY_BYTES = 1 << 28

_HEADER_BYTES = 128  # of a .npy file whose array has few dimensions


@dataclass(frozen=True)
class ArraySpec:
    """The form of a stored array. Floating-point values are finite, integers are not negative.

    Attributes:
        dtype: numpy's name.
        shape: sizes; None as the first one stands for any number of rows.
        below: upper bound of integers, exclusive; None for no bound.
        counts: index of another array of the entry, whose rows these integers count in groups: their sum is its length.
    """

    dtype: str
    shape: tuple[int | None, ...]
    below: int | None = None
    counts: int | None = None

    def shape_in(self, file_bytes: int) -> tuple[int, ...]:
        """The shape that an array in a .npy file of this size should have."""
        sizes = [size for size in self.shape if size is not None]
        if len(sizes) == len(self.shape):
            return tuple(sizes)
        row_bytes = max(1, np.dtype(self.dtype).itemsize * math.prod(sizes))
        return max(0, file_bytes - _HEADER_BYTES) // row_bytes, *sizes

    def accepts(self, array: np.ndarray, arrays: Sequence[np.ndarray]) -> bool:
        """Whether the values of an array are allowed; `arrays` are all of its entry."""
        if array.dtype.kind == "f":
            return is_finite(array)
        if array.min(initial=0) < 0 or (self.below is not None and array.max(initial=-1) >= self.below):
            return False
        if self.counts is None:
            return True
        rows = len(arrays[self.counts])
        return bool(array.max(initial=0) <= rows and array.sum(dtype=np.int64) == rows)  # so the sum cannot overflow


@dataclass(frozen=True)
class ArrayCache:
    """Arrays by key; the least recently used entries are evicted to stay within a limit in bytes."""

    folder: Path
    limit: int

    @classmethod
    def from_environment(cls) -> "ArrayCache":
        """The cache in TEXTGRAFT_CACHE (default: the user's cache folder), limited to TEXTGRAFT_CACHE_GIB (default: 5).

        Raises:
            ConfigError: when the limit is not a number.
        """
        user_cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
        if not user_cache.is_absolute():  # the XDG specification: a relative path is ignored
            user_cache = Path.home() / ".cache"
        folder = Path(os.environ.get("TEXTGRAFT_CACHE") or user_cache / "textgraft") / "arrays"
        limit = os.environ.get("TEXTGRAFT_CACHE_GIB", _DEFAULT_GIB)
        try:
            return cls(folder, int(float(limit) * _GIB))
        except (ValueError, OverflowError):
            raise ConfigError(f"TEXTGRAFT_CACHE_GIB must be a number of GiB, not {limit!r}") from None

    def get(self, key: str, specs: Sequence[ArraySpec]) -> list[np.ndarray] | None:
        """The arrays of a key, read-only; None when they are absent, or anything about them is not as expected."""
        entry = self.folder / key
        try:
            if self.problem or not os.path.lexists(entry):
                return None
            arrays = _read_entry(entry, specs)
            if arrays is None:
                _discard(entry)
            else:
                with suppress(PermissionError):  # root's
                    os.utime(entry)
        except OSError:  # another process removed it, or the disk fails
            return None
        return arrays

    def put(self, key: str, arrays: Sequence[np.ndarray]) -> str | None:
        """Store at most ten arrays where only this user can read them, unless they are larger than the limit.

        The key is a SHA-256 in hexadecimal digits. Returns a warning when they could not be stored, else None.
        """
        size = sum(array.nbytes for array in arrays)
        if size > min(self.limit, MAX_ENTRY_BYTES):
            return None
        entry = self.folder / key
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if problem := self.problem:
                return f"not cached for later runs: {problem}"
            if not _discard(entry):
                return f"not cached for later runs: {entry} belongs to another user; remove it"
            self._clean_up()
            self._evict(self.size + size - self.limit)
            content = {f"{index}.npy": _npy(array) for index, array in enumerate(arrays)}
            folders.write_folder(entry, content, overwrite=True, private=True)
        except BusyError:  # another process is storing the same arrays
            return None
        except (ModelFolderError, OSError) as error:
            return f"not cached for later runs: {error}"
        return None

    @property
    def entries(self) -> list[Path]:
        """Folders of this user's entries, least recently used first."""
        entries = [entry for entry in self.folder.glob("[!.]*") if _KEY.fullmatch(entry.name) and _is_own_folder(entry)]
        return sorted(entries, key=_last_use_and_size)

    @property
    def size(self) -> int:
        """Total bytes of the entries."""
        return sum(_last_use_and_size(entry)[1] for entry in self.entries)

    def clear(self) -> None:
        """Remove all entries, and the folder unless it contains other files."""
        self._clean_up()
        for entry in self.entries:
            with suppress(ModelFolderError):  # another process is removing it
                folders.remove_folder(entry)
        with suppress(OSError):
            self.folder.rmdir()

    def _clean_up(self) -> None:
        """Remove what dead processes left of entries that they were storing, and their locks."""
        for name in {leftover.name[1:65] for leftover in self.folder.glob(".*")}:
            if _KEY.fullmatch(name):
                with suppress(BusyError):
                    folders.clean_up(self.folder / name)

    def _evict(self, excess: int) -> None:
        for entry in self.entries:
            if excess <= 0:
                return
            excess -= _last_use_and_size(entry)[1]
            folders.remove_folder(entry)

    @property
    def problem(self) -> str | None:
        """Why the folder is not used; None unless it exists and another user can write to it, or it is no folder."""
        with suppress(FileNotFoundError):
            status = self.folder.lstat()
            if not stat.S_ISDIR(status.st_mode):
                return f"{self.folder} is not a folder; set TEXTGRAFT_CACHE to a folder of your own"
            if not is_protected(status):
                return (
                    f"other users can write to {self.folder}; remove it, or set TEXTGRAFT_CACHE to a folder of your own"
                )
        return None


def _read_entry(entry: Path, specs: Sequence[ArraySpec]) -> list[np.ndarray] | None:
    """The arrays of an entry; None unless it has these arrays only, unaltered, and nobody else can write to it."""
    status = entry.lstat()
    if not stat.S_ISDIR(status.st_mode) or not is_protected(status):
        return None
    names = [f"{index}.npy" for index in range(len(specs))]
    try:
        digests = read_manifest(entry)
        if sorted(digests) != sorted(names) or unlisted_files(entry, digests):
            return None
        arrays = []
        for name, spec in zip(names, specs, strict=True):
            with open_regular(entry / name, MAX_ENTRY_BYTES + _HEADER_BYTES) as file:
                array = _read_array(file, spec, digests[name])
            if array is None:
                return None
            arrays.append(array)
    except ModelFolderError:
        return None
    fit = all(spec.accepts(array, arrays) for array, spec in zip(arrays, specs, strict=True))
    return arrays if fit else None


def _read_array(file: BinaryIO, spec: ArraySpec, sha256: str) -> np.ndarray | None:
    """The array of an opened .npy file; None when it has another form or hash, or others can write to it.

    The header is compared with the one of the expected array, and not parsed.
    """
    status = os.fstat(file.fileno())
    shape = spec.shape_in(status.st_size)
    header = _header(np.dtype(spec.dtype), shape)
    size = math.prod(shape) * np.dtype(spec.dtype).itemsize
    if not is_protected(status) or status.st_size != len(header) + size or file.read(len(header)) != header:
        return None
    content = file.read(size)
    digest = hashlib.sha256(header)
    digest.update(content)
    if len(content) != size or digest.hexdigest() != sha256:
        return None
    return np.frombuffer(content, spec.dtype).reshape(shape)


def _discard(entry: Path) -> bool:
    """Remove what has the name of an entry, if anything; False when it belongs to another user."""
    try:
        status = entry.lstat()
    except FileNotFoundError:
        return True
    if status.st_uid != os.geteuid():
        return False
    if not stat.S_ISDIR(status.st_mode):
        entry.unlink(missing_ok=True)
    else:
        with suppress(ModelFolderError):  # another process removed it
            folders.remove_folder(entry)
    return True


def _npy(array: np.ndarray) -> list[bytes | memoryview]:
    """A .npy file in two pieces: the header, and the array without a copy."""
    return [_header(array.dtype, array.shape), np.ascontiguousarray(array).reshape(-1).view(np.uint8).data]


def _header(dtype: np.dtype, shape: tuple[int, ...]) -> bytes:
    """The first bytes of a .npy file."""
    header = io.BytesIO()
    fields = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, fields)
    return header.getvalue()


def _is_own_folder(entry: Path) -> bool:
    """Whether an entry is a folder of this user, and not a link."""
    with suppress(OSError):  # another process removed it
        status = entry.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
    return False


def _last_use_and_size(entry: Path) -> tuple[float, int]:
    """The time of the last use of an entry, and its bytes."""
    try:
        return entry.stat().st_mtime, sum(file.stat().st_size for file in entry.iterdir())
    except OSError:  # another process removed it
        return 0.0, 0
