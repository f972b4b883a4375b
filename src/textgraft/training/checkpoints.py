"""The state of a run on disk: enough to go on as if nothing had happened."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from safetensors.numpy import load_file

from textgraft.errors import ConfigError, ModelFolderError, TrainingError
from textgraft.model_folder import folder as model_folder
from textgraft.storage import folders
from textgraft.storage.locks import locked
from textgraft.storage.manifest import MANIFEST, verify_folder
from textgraft.storage.safetensors import to_safetensors
from textgraft.training.interruption import Interruption

SAVE_MINUTES = 5.0

_STATE, _WEIGHTS, _OPTIMIZER, _BEST = "state.json", "weights.safetensors", "optimizer.safetensors", "best.safetensors"
_CHECKPOINT, _MADE = re.compile(r"checkpoint-\d{6}-\d{8}"), re.compile(r"made-\w+-[0-9a-f]{16}")
_MOST_SPENT = 0.02  # share of the time


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        epoch: epochs done.
        batch: batches done of the next one.
        step: optimizer steps done in all.
        seen: rows seen in the next epoch.
        weight: predictions in those rows.
        totals: sums of loss and metrics over those predictions.
        records: the history.
        epoch_seconds: training time in the next epoch.
        seconds: training time of the whole run.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seen: int = 0
    weight: int = 0
    totals: dict[str, float] = field(default_factory=dict)
    records: list[dict[str, float]] = field(default_factory=list)
    epoch_seconds: float = 0.0
    seconds: float = 0.0

    def count(self, means: Mapping[str, float], rows: int, weight: int) -> None:
        """Count a step: means over the predictions in its rows, and how many there were of each."""
        for name, mean in means.items():
            self.totals[name] = self.totals.get(name, 0.0) + mean * weight
        self.batch, self.step, self.seen = self.batch + 1, self.step + 1, self.seen + rows
        self.weight += weight

    def close_epoch(self) -> None:
        """Begin the next epoch."""
        self.epoch, self.batch, self.seen, self.weight, self.totals = self.epoch + 1, 0, 0, 0, {}
        self.epoch_seconds = 0.0


@dataclass(frozen=True)
class Snapshot:
    """A run between two steps.

    Attributes:
        progress: how far it is.
        weights: the trained variables.
        optimizer: its slots, and the states of the seed generators.
        best: the weights of the epoch to keep; None where these are `weights`, or none is done.
    """

    progress: Progress
    weights: Mapping[str, np.ndarray]
    optimizer: Mapping[str, np.ndarray]
    best: Mapping[str, np.ndarray] | None


class Checkpoints:
    """The checkpoints of one run, in a folder of their own; the newest is kept.

    Entered, it holds the folder against other processes, and SIGINT and SIGTERM stop the run after a checkpoint.

    Attributes:
        folder: where they are.
        interruption: by a signal.
        seconds_spent: seconds in which checkpoints were written.
    """

    def __init__(self, folder: str | Path, save_minutes: float = SAVE_MINUTES, restart: bool = False) -> None:
        """Name the folder; nothing is read or written yet.

        Args:
            folder: made when needed; its parent must exist.
            save_minutes: minutes of training between two checkpoints within an epoch.
            restart: throw away what an earlier run left there.

        Raises:
            ConfigError: for a time that is not above 0.
        """
        if not save_minutes > 0:
            raise ConfigError(f"save_minutes must be above 0, not {save_minutes}")
        self.folder = Path(folder).absolute()
        self.interruption = Interruption()
        self._restart = restart
        self._seconds = 60 * save_minutes
        self._begun = self._saved_at = time.monotonic()
        self.seconds_spent = 0.0
        self._run: dict[str, Any] = {}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        """Lock the folder, and remove what dead processes left half-done.

        Raises:
            BusyError: when another process holds it.
            ModelFolderError: when something else has its name.
        """
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise ModelFolderError(f"{self.folder} is no folder, and checkpoints go into one; move it away")
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            stack.enter_context(self.interruption.handle_signals())
            folders.remove_leftovers(self.folder)
            if self._restart:
                self.clear()
            self._tidy()
            self._held = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the folder; the checkpoints stay."""
        self._held.close()

    def start_run(self, run: Mapping[str, Any]) -> None:
        """Take up a run; an unfinished one that is here must be the same.

        Args:
            run: all that makes the run what it is, as JSON values: config, data fingerprints, versions.

        Raises:
            ConfigError: when the newest checkpoint is of another run; shows the difference.
            ModelFolderError: when it is damaged.
        """
        self._run = json.loads(json.dumps(run))
        newest = self._newest()
        if newest is None:
            return
        verify_folder(newest)
        if changes := list(_differences(_state(newest)["run"], self._run)):
            raise ConfigError(
                f"{self.folder} holds an unfinished run that differs: {'; '.join(changes)}; give the same again, or "
                "--restart to begin anew"
            )
        self.interruption.resume_hint = f"{self.resume_command} goes on from the last checkpoint"

    def load(self) -> Snapshot | None:
        """The newest checkpoint of the run that was begun; None where there is none."""
        newest = self._newest()
        if newest is None:
            return None
        state = _state(newest)
        best = load_file(newest / _BEST) if (newest / _BEST).exists() else None
        weights, optimizer = load_file(newest / _WEIGHTS), load_file(newest / _OPTIMIZER)
        self._begun = self._saved_at = time.monotonic()
        return Snapshot(Progress(**state["progress"]), weights, optimizer, best)

    def prepared_files(
        self, name: str, of: Mapping[str, Any], make: Callable[[], Mapping[str, folders.Content]]
    ) -> Path:
        """A folder of files that a run makes before its first step, once.

        Args:
            name: of the folder.
            of: all that the files are made of, as JSON values; made of other things, they are others.
            make: file name to content.

        Raises:
            ModelFolderError: when a file is damaged or cannot be written.
        """
        folder = self.folder / f"made-{name}-{run_digest(of)[:16]}"
        if not folder.exists():
            files = make()
            folders.make_folder(self.folder)
            folders.write_folder(folder, files)
        verify_folder(folder)
        return folder

    def already_saved_to(self, folder: Path) -> bool:
        """Whether a model folder is what this run left: it was cut short between saving that and clearing up."""
        newest = self._newest()
        if newest is None or not model_folder.is_model_folder(folder):
            return False
        verify_folder(newest)
        return bool(model_folder.read(folder).config.get("run") == run_digest(_state(newest)["run"]))

    @property
    def resume_command(self) -> str:
        """Which command goes on, for messages."""
        return "without --restart, the same command" if self._restart else "the same command"

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is one to go on from."""
        return self._newest() is not None

    @property
    def is_due(self) -> bool:
        """Whether the time between two checkpoints is over."""
        return time.monotonic() - self._saved_at >= self._seconds

    @property
    def within_time_budget(self) -> bool:
        """Whether checkpoints have taken little of the time so far: epochs can be shorter than the writing of one."""
        return self.seconds_spent <= _MOST_SPENT * (time.monotonic() - self._begun)

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint, then remove the one before.

        Raises:
            TrainingError: when a weight is not finite; the checkpoint before is kept.
            ModelFolderError: when the disk refuses; the checkpoint before is kept.
        """
        start = time.monotonic()
        previous, progress = self._newest(), snapshot.progress
        if not all(np.isfinite(weight).all() for weight in snapshot.weights.values()):
            raise TrainingError(
                f"the weights are no longer finite after epoch {progress.epoch + 1}, step {progress.batch}; "
                f"{self.status}; try a lower learning rate or --precision float32"
            )
        target = self.folder / f"checkpoint-{progress.epoch:06d}-{progress.batch:08d}"
        if previous == target:
            return
        folders.make_folder(self.folder)
        folders.write_folder(target, self._files(snapshot))
        self.interruption.resume_hint = f"{self.resume_command} goes on from the last checkpoint"
        if previous:
            folders.remove_folder(previous)
        self._saved_at = time.monotonic()
        self.seconds_spent += self._saved_at - start

    @property
    def status(self) -> str:
        """What there is to go on from, as a message says it."""
        newest = self._newest()
        return f"{newest} holds the last checkpoint" if newest else "there is no checkpoint yet"

    def clear(self) -> None:
        """Remove all checkpoints and what was made for them, and the folder unless it holds something else.

        The checkpoints go last: as long as there is one, what is left is known to belong to a model.
        """
        for folder in (*self._own(_MADE), *self._all()):
            folders.remove_folder(folder)
        self._remove_empty()

    def _tidy(self) -> None:
        for leftover in self.folder.glob(".*"):
            name, _, rest = leftover.name[1:].partition(".")
            if not (_CHECKPOINT.fullmatch(name) or _MADE.fullmatch(name)):
                continue
            if rest == "lock":  # of a dead process: who writes here holds the lock of the run
                leftover.unlink(missing_ok=True)
            folders.remove_leftovers(self.folder / name)
        for older in self._all()[:-1]:
            folders.remove_folder(older)
        self._remove_empty()

    def _remove_empty(self) -> None:
        with suppress(OSError):
            self.folder.rmdir()

    def _files(self, snapshot: Snapshot) -> dict[str, folders.Content]:
        state = {"run": self._run, "progress": asdict(snapshot.progress)}
        files: dict[str, folders.Content] = {
            _STATE: [json.dumps(state, indent=2).encode()],
            _WEIGHTS: to_safetensors(snapshot.weights),
            _OPTIMIZER: to_safetensors(snapshot.optimizer),
        }
        if snapshot.best is not None:
            files[_BEST] = to_safetensors(snapshot.best)
        return files

    def _newest(self) -> Path | None:
        return max(self._all(), default=None)

    def _all(self) -> list[Path]:
        """Oldest first."""
        return sorted(self._own(_CHECKPOINT))

    def _own(self, names: re.Pattern[str]) -> list[Path]:
        """The folders of such names that were written here."""
        found = [folder for folder in self.folder.glob("[!.]*") if names.fullmatch(folder.name)]
        return [folder for folder in found if (folder / MANIFEST).is_file()]


def _state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    return state


def run_digest(run: Mapping[str, Any]) -> str:
    """SHA-256 of all that makes a run what it is."""
    return sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{prefix}{name}.")
        elif old != new:
            yield f"{prefix}{name} was {_short(old)}, is {_short(new)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
