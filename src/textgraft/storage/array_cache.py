"""What is kept between runs: arrays that took work to compute, found again by the hash of all they depend on."""

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
from textgraft.storage.manifest import verify_folder

_GIB = 1 << 30
_KEY = re.compile("[0-9a-f]{64}")
_DEFAULT_GIB = 5.0


@dataclass(frozen=True)
class ArrayCache:
    """Arrays by key, in a folder that never grows beyond a limit: what was used longest ago goes first.

    Attributes:
        folder: made when needed.
        limit: bytes.
    """

    folder: Path
    limit: int

    @classmethod
    def of_user(cls) -> "ArrayCache":
        """The one in TEXTGRAFT_CACHE, else in the user's cache folder, with TEXTGRAFT_CACHE_GIB for its limit.

        Raises:
            ConfigError: when that is no number.
        """
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "textgraft"
        folder = Path(os.environ.get("TEXTGRAFT_CACHE") or home) / "arrays"
        given = os.environ.get("TEXTGRAFT_CACHE_GIB", _DEFAULT_GIB)
        try:
            return cls(folder, int(float(given) * _GIB))
        except (ValueError, OverflowError):
            raise ConfigError(f"TEXTGRAFT_CACHE_GIB must be a number of GiB, not {given!r}") from None

    def get(self, key: str) -> list[np.ndarray] | None:
        """The arrays of a key, mapped from the disk; None when they are not there, damaged, or not this user's."""
        entry = self.folder / key
        try:
            if not entry.is_dir():
                return None
            verify_folder(entry)
            os.utime(entry)
            return [np.load(file, mmap_mode="r", allow_pickle=False) for file in sorted(entry.glob("*.npy"))]
        except (ModelFolderError, ValueError):
            shutil.rmtree(entry, ignore_errors=True)
        except OSError:  # another process removed it, or another user keeps it
            pass
        return None

    def put(self, key: str, arrays: Sequence[np.ndarray]) -> str | None:
        """Keep arrays, which others who use this machine cannot read; what it says when that could not be done.

        Args:
            key: a SHA-256 in hexadecimal digits.
            arrays: ten at most, of any shapes.
        """
        size = sum(array.nbytes for array in arrays)
        if size > self.limit:
            return None
        try:
            self._make_room(size)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            content = {f"{number}.npy": _npy(array) for number, array in enumerate(arrays)}
            folders.write_folder(self.folder / key, content, overwrite=True)
        except BusyError:  # another process keeps the same
            return None
        except (ModelFolderError, OSError) as error:
            return f"nothing is kept for later runs: {error}"
        return None

    @property
    def entries(self) -> list[Path]:
        """What is kept, used longest ago first."""
        found = [entry for entry in self.folder.glob("[!.]*") if _KEY.fullmatch(entry.name) and entry.is_dir()]
        return sorted(found, key=_used)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(map(_size, self.entries))

    def clear(self) -> None:
        """Remove all of it, and the folder unless it holds something else."""
        for name in {leftover.name[1:65] for leftover in self.folder.glob(".*")}:
            folders.remove_leftovers(self.folder / name)
        for entry in self.entries:
            with suppress(ModelFolderError):  # another process removes it
                folders.remove_folder(entry)
        with suppress(OSError):
            self.folder.rmdir()

    def _make_room(self, needed: int) -> None:
        excess = self.size + needed - self.limit
        for entry in self.entries:
            if excess <= 0:
                return
            excess -= _size(entry)
            folders.remove_folder(entry)


def _npy(array: np.ndarray) -> list[bytes | memoryview]:
    """A .npy file in two pieces, the second one the array itself and no copy."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    return [header.getvalue(), np.ascontiguousarray(array).reshape(-1).view(np.uint8).data]


def _size(entry: Path) -> int:
    try:
        return sum(file.stat().st_size for file in entry.iterdir())
    except OSError:  # another process removed it
        return 0


def _used(entry: Path) -> float:
    try:
        return entry.stat().st_mtime
    except OSError:
        return 0.0
