"""`textgraft tune`: trials in a database, and the best model so far."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tools.chaos.job import OUTPUTS, Job, digest
from tools.chaos.models import model_fingerprint, table_without_clocks

from textgraft.storage.verification import verify_folder

_PNG = b"\x89PNG\r\n\x1a\n"

# Numbers of trials count the interrupted ones too.
_NUMBERED = frozenset({"name"})


class SearchJob(Job):
    """Repeats the trial that was interrupted, and continues; a trial with which three processes died has failed."""

    output = "search"
    is_atomic = False
    max_kills = 2

    def __init__(self, name: str, arguments: str) -> None:
        super().__init__(name, f"{arguments} --out {OUTPUTS}/{self.output}")

    @property
    def last_output(self) -> str:
        return f"{self.output}/command.txt"

    def fingerprint(self, outputs: Path, printed: str) -> str:
        folder = outputs / self.output
        for plot in (folder / "plots").iterdir():
            if not plot.read_bytes().startswith(_PNG):
                raise ValueError(f"{plot.name} is not a PNG")
        leaderboard = table_without_clocks((folder / "leaderboard.csv").read_text(), _NUMBERED)
        return digest(model_fingerprint(folder / "model"), leaderboard, (folder / "command.txt").read_bytes())

    def find_damage(self, outputs: Path) -> Iterator[str]:
        folder = outputs / self.output
        if (folder / "model").exists():
            try:
                verify_folder(folder / "model")
            except Exception as error:
                yield f"corrupt model: {error}"
        answer = _query_copy(folder, "PRAGMA integrity_check")
        if answer not in (None, "ok"):
            yield f"corrupt database: {answer}"

    def promised_line(self, outputs: Path) -> str | None:
        running = _query_copy(outputs / self.output, "SELECT count(*) FROM trials WHERE state = 'RUNNING'")
        return "repeating 1 trial, during which the process ended" if running == 1 else None

    def is_temporary(self, name: str) -> bool:
        return name.endswith("-journal") or super().is_temporary(name)


def _query_copy(folder: Path, query: str) -> Any:
    """A value from a copy of the database, whose opening would complete what was interrupted; None without it."""
    with tempfile.TemporaryDirectory() as name:
        for file in folder.glob("study.sqlite*"):
            shutil.copy(file, name)
        with closing(sqlite3.connect(Path(name) / "study.sqlite")) as database:
            try:
                return database.execute(query).fetchone()[0]
            except sqlite3.OperationalError as error:  # the search was killed before it had made the tables
                return None if "no such table" in str(error) else str(error)
