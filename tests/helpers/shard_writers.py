"""Writers of shards without a model."""

import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from textgraft.errors import DataError, warn


@dataclass(frozen=True)
class UpperWriter:
    """Writes texts in capital letters, a line each.

    Attributes:
        precision: any.
        fatal_text: the process that meets it is killed, until the file `deaths` has a byte for each of `num_deaths`.
        deaths: path of that file.
        num_deaths: number of processes to be killed.
    """

    precision: str = "float32"
    fatal_text: str = ""
    deaths: str = ""
    num_deaths: int = 0

    def describe(self):
        return {"precision": self.precision, "process": 0}

    def write(self, windows, path: Path):
        texts = [text for window in windows for text in window.column("text").to_pylist()]
        if self.fatal_text in texts:
            self._die()
        if "warning" in texts:
            warn("a warning of a worker")
        if "error" in texts:
            raise DataError("a text is 'error'; remove it")
        path.write_bytes("".join(f"{text.upper()}\n" for text in texts).encode())
        return {"computation": "none", "letters": sum(map(len, texts))}

    def _die(self):
        path = Path(self.deaths)
        if path.exists() and path.stat().st_size >= self.num_deaths:
            return
        with path.open("ab") as file:
            file.write(b"x")
        os.kill(os.getpid(), signal.SIGKILL)


def windows_of(texts, size=2):
    """Windows of texts."""
    batch = pa.record_batch([pa.array(texts, pa.large_string())], ["text"])
    return (batch.slice(start, size) for start in range(0, len(texts), size))


def content_of(folder: Path) -> str:
    """The content of the shards, in order."""
    return "".join(path.read_text() for path in sorted(folder.glob("part-*")))


def manifest_of(folder: Path) -> dict:
    """The manifest."""
    return json.loads((folder / "shards.json").read_text())
