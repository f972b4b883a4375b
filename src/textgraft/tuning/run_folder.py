"""The run folder of a search: its model, leaderboard, plots and study, and the identity of the search."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from textgraft.errors import ConfigError, ModelFolderError
from textgraft.storage import folders
from textgraft.storage.atomic_files import atomic_file
from textgraft.storage.disk import disk_errors
from textgraft.storage.locks import locked
from textgraft.storage.probe import try_writing_folder
from textgraft.storage.replacement import remove_leftovers

MODEL, DATABASE, LEADERBOARD, COMMAND, PLOTS = "model", "study.sqlite", "leaderboard.csv", "command.txt", "plots"
_LOGS = "logs"
_SEARCH = "search.json"


class RunFolder:
    """A folder that one search writes, in one process at a time."""

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Name the folder, which `lock` creates; the JSON values of `identity` distinguish the search from others."""
        self.path = path
        self._identity: dict[str, Any] = json.loads(json.dumps(identity))

    @property
    def study_name(self) -> str:
        """A name that is the same for the same search on any machine."""
        return f"textgraft-{sha256(json.dumps(self._identity, sort_keys=True).encode()).hexdigest()[:16]}"

    @property
    def model(self) -> Path:
        """The model folder of the best trial so far."""
        return self.path / MODEL

    @property
    def logs(self) -> Path:
        """The folder of the logs of trials."""
        return self.path / _LOGS

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the folder, after checking that an existing one is of this search.

        Raises:
            ModelFolderError: when the folder cannot be created, or holds something else.
            ConfigError: when it is of another search; lists the differences.
            BusyError: when another process has locked it.
        """
        if not self.path.absolute().parent.is_dir():
            raise ModelFolderError(f"{self.path.parent} is not a folder; create it first")
        with locked(self.path.absolute()):
            self._require_same_search()
            folders.make_folder(self.path)
            with locked(self.model), disk_errors("write", self.model):
                remove_leftovers(self.model)
                try_writing_folder(self.model)
            self.write(_SEARCH, (json.dumps(self._identity, indent=2) + "\n").encode())
            folders.make_folder(self.path / PLOTS)
            yield

    def write(self, name: str, content: bytes) -> None:
        """Write a file atomically.

        Raises:
            ModelFolderError: when it cannot be written.
        """
        path = self.path / name
        with disk_errors("write", path), atomic_file(path) as file:
            file.write(content)

    def _require_same_search(self) -> None:
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.glob("[!.]*"))):
            return
        try:
            before = dict(json.loads((self.path / _SEARCH).read_text(encoding="utf-8")))
        except (OSError, TypeError, ValueError):
            raise ModelFolderError(f"{self.path} is not a search folder; choose another --out") from None
        differing = [name for name in self._identity if before.get(name) != self._identity[name]]
        if differing:
            raise ConfigError(
                f"{self.path} holds another search with a different {', '.join(differing)}; pass the same, or another "
                "--out"
            )
