"""The run folder: what a search leaves, and which search it is."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from textgraft.errors import ConfigError, ModelFolderError
from textgraft.storage import folders
from textgraft.storage.locks import locked

MODEL, DATABASE, LEADERBOARD, COMMAND, PLOTS = "model", "study.sqlite", "leaderboard.csv", "command.txt", "plots"
_SEARCH = "search.json"


class RunFolder:
    """A folder that one search writes, in one process at a time."""

    def __init__(self, path: Path, search: Mapping[str, Any]) -> None:
        """Name it; nothing is read or written yet.

        Args:
            path: made when needed; its parent must exist.
            search: all that makes the search what it is, as JSON values.
        """
        self.path = path
        self._search: dict[str, Any] = json.loads(json.dumps(search))

    @property
    def study_name(self) -> str:
        """The same for the same search, wherever it runs."""
        return f"textgraft-{sha256(json.dumps(self._search, sort_keys=True).encode()).hexdigest()[:16]}"

    @property
    def model(self) -> Path:
        """The best model so far."""
        return self.path / MODEL

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes out, after making sure that what is there is of this search.

        Raises:
            ModelFolderError: when it cannot be made, or something else is there.
            ConfigError: when another search is there; says in what it differs.
            BusyError: when another process holds it.
        """
        if not self.path.absolute().parent.is_dir():
            raise ModelFolderError(f"{self.path.parent} is no folder; make it first")
        with locked(self.path.absolute()):
            self._require_own()
            self.path.mkdir(exist_ok=True)
            for leftover in (temporary for name in (_SEARCH, LEADERBOARD, COMMAND) for temporary in
                             self.path.glob(f".{name}.*")):  # fmt: skip
                leftover.unlink()
            self.write(_SEARCH, (json.dumps(self._search, indent=2) + "\n").encode())
            (self.path / PLOTS).mkdir(exist_ok=True)
            yield

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all.

        Raises:
            ModelFolderError: when the disk refuses.
        """
        try:
            with folders.atomic_file(self.path / name) as file:
                file.write(content)
        except OSError as error:
            raise ModelFolderError(f"{self.path / name} cannot be written: {error.strerror}; make room") from error

    def _require_own(self) -> None:
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.glob("[!.]*"))):
            return
        try:
            before = json.loads((self.path / _SEARCH).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise ModelFolderError(f"{self.path} exists already and holds no search; choose another name") from None
        differing = [name for name in self._search if before.get(name) != self._search[name]]
        if differing:
            raise ConfigError(
                f"{self.path} holds another search: {', '.join(differing)} was not the same; give the same again, or "
                "another --out"
            )
