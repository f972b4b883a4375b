"""A disk cache of arrays that are expensive to compute, keyed by the hash of their inputs."""

import io
import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from textgraft.errors import BusyError, ConfigError, ModelFolderError
from textgraft.storage import folders
from textgraft.storage.replacement import remove_leftovers
from textgraft.storage.verification import verify_folder

_GIB = 1 << 30
_KEY = re.compile("[0-9a-f]{64}")
_DEFAULT_GIB = 5.0


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
        default_folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "textgraft"
        folder = Path(os.environ.get("TEXTGRAFT_CACHE") or default_folder) / "arrays"
        limit = os.environ.get("TEXTGRAFT_CACHE_GIB", _DEFAULT_GIB)
        try:
            return cls(folder, int(float(limit) * _GIB))
        except (ValueError, OverflowError):
            raise ConfigError(f"TEXTGRAFT_CACHE_GIB must be a number of GiB, not {limit!r}") from None

    def get(self, key: str) -> list[np.ndarray] | None:
        """The memory-mapped arrays of a key; None when they are absent, damaged or not accessible to this user."""
        entry = self.folder / key
        try:
            if not entry.is_dir():
                return None
            verify_folder(entry)
            os.utime(entry)
            return [np.load(file, mmap_mode="r", allow_pickle=False) for file in sorted(entry.glob("*.npy"))]
        except (ModelFolderError, ValueError):
            shutil.rmtree(entry, ignore_errors=True)
        except OSError:  # another process removed it, or it belongs to another user
            pass
        return None

    def put(self, key: str, arrays: Sequence[np.ndarray]) -> str | None:
        """Store at most ten arrays where only this user can read them, unless they are larger than the limit.

        The key is a SHA-256 in hexadecimal digits. Returns a warning when they could not be stored, else None.
        """
        size = sum(array.nbytes for array in arrays)
        if size > self.limit:
            return None
        try:
            self._evict(self.size + size - self.limit)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = {f"{index}.npy": _npy(array) for index, array in enumerate(arrays)}
            folders.write_folder(self.folder / key, content, overwrite=True)
        except BusyError:  # another process is storing the same arrays
            return None
        except (ModelFolderError, OSError) as error:
            return f"not cached for later runs: {error}"
        return None

    @property
    def entries(self) -> list[Path]:
        """Folders of the entries, least recently used first."""
        entries = [entry for entry in self.folder.glob("[!.]*") if _KEY.fullmatch(entry.name) and entry.is_dir()]
        return sorted(entries, key=_last_use_and_size)

    @property
    def size(self) -> int:
        """Total bytes of the entries."""
        return sum(_last_use_and_size(entry)[1] for entry in self.entries)

    def clear(self) -> None:
        """Remove all entries, and the folder unless it contains other files."""
        for name in {leftover.name[1:65] for leftover in self.folder.glob(".*")}:
            remove_leftovers(self.folder / name)
        for entry in self.entries:
            with suppress(ModelFolderError):  # another process is removing it
                folders.remove_folder(entry)
        with suppress(OSError):
            self.folder.rmdir()

    def _evict(self, excess: int) -> None:
        for entry in self.entries:
            if excess <= 0:
                return
            excess -= _last_use_and_size(entry)[1]
            folders.remove_folder(entry)


def _npy(array: np.ndarray) -> list[bytes | memoryview]:
    """A .npy file in two pieces: the header, and the array without a copy."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return [header.getvalue(), np.ascontiguousarray(array).reshape(-1).view(np.uint8).data]


def _last_use_and_size(entry: Path) -> tuple[float, int]:
    """The time of the last use of an entry, and its bytes."""
    try:
        return entry.stat().st_mtime, sum(file.stat().st_size for file in entry.iterdir())
    except OSError:  # another process removed it
        return 0.0, 0
