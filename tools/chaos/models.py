"""Commands that train a model folder: train, adapt and pretrain."""

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.chaos.job import OUTPUTS, Job, digest, names_in

from textgraft.storage.verification import verify_folder

_CHECKPOINT = re.compile(r"model\.run/checkpoint-\d{6}-\d{8}")
_CLOCKS = frozenset({"seconds", "texts_per_second"})
_FOR_PEOPLE = frozenset({"README.md", "manifest.json"})  # these contain clocks, and digests of files with clocks


class TrainingJob(Job):
    """Resumes from its last checkpoint."""

    output = "model"

    def __init__(self, name: str, arguments: str, overwrites: bool = False) -> None:
        super().__init__(name, f"{arguments} --out {OUTPUTS}/{self.output} --save-minutes 1e-6", overwrites)

    def fingerprint(self, outputs: Path, printed: str) -> str:
        logs = sorted((outputs / f"{self.output}.log").glob("*.csv"))
        tables = [table_without_clocks(log.read_text()) for log in logs]
        return digest(model_fingerprint(outputs / self.output), *tables)

    def write_older(self, inputs: Path, outputs: Path) -> None:
        shutil.copytree(inputs / "classifier", outputs / self.output)

    def find_damage(self, outputs: Path) -> Iterator[str]:
        for folder in (outputs / f"{self.output}.run").glob("[!.]*"):
            try:
                verify_folder(folder)
            except Exception as error:
                yield f"corrupt checkpoint: {error}"
        if (log := outputs / f"{self.output}.log" / "config.json").exists():
            try:
                json.loads(log.read_text())
            except ValueError as error:
                yield f"corrupt log: {error}"

    def promised_line(self, outputs: Path) -> str | None:
        return "resumed an unfinished run" if any(map(_CHECKPOINT.fullmatch, names_in(outputs))) else None


def model_fingerprint(model: Path) -> str:
    """Digest of a model folder, without durations."""
    verify_folder(model)
    parts: list[bytes | str] = []
    for file in sorted(model.iterdir()):
        if file.name == "config.json":
            parts.append(json.dumps(_without_clocks(json.loads(file.read_text())), sort_keys=True))
        elif file.suffix == ".csv":
            parts.append(table_without_clocks(file.read_text()))
        elif file.name not in _FOR_PEOPLE:
            parts.append(file.name.encode() + file.read_bytes())
    return digest(*parts)


def table_without_clocks(text: str, others: frozenset[str] = frozenset()) -> str:
    """A CSV file without the columns of durations, and without others."""
    rows = csv.DictReader(text.splitlines())
    return json.dumps([{name: row[name] for name in row.keys() - _CLOCKS - others} for row in rows], sort_keys=True)


def _without_clocks(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_clocks(item) for name, item in value.items() if name not in {*_CLOCKS, "command"}}
    return [_without_clocks(item) for item in value] if isinstance(value, list) else value
