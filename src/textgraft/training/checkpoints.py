"""Checkpoints: the state of a run on disk, from which it resumes with identical results."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

import numpy as np

from textgraft.computation import Computation
from textgraft.errors import ConfigError, ModelFolderError, TrainingError, warn
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.writing import is_model_folder
from textgraft.storage import folders
from textgraft.storage.disk import disk_errors, is_present
from textgraft.storage.locks import locked
from textgraft.storage.probe import try_writing_folder
from textgraft.storage.replacement import remove_leftovers
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.schema import ANY, SCALAR, Integer, List, Map, Object, Scalar
from textgraft.storage.syncing import FileContent
from textgraft.storage.verification import MANIFEST, verify_folder
from textgraft.storage.weights_file import Shape
from textgraft.training.config import SAVE_MINUTES
from textgraft.training.interruption import Interruption
from textgraft.training.state_files import read_arrays, read_state

_STATE, _WEIGHTS, _OPTIMIZER, _BEST = "state.json", "weights.safetensors", "optimizer.safetensors", "best.safetensors"
_REFIT = "refit-"  # sorts after the numbers of the first run's checkpoints
_CHECKPOINT = re.compile(rf"checkpoint-({_REFIT})?\d{{6}}-\d{{8}}")
_PREPARED = re.compile(r"prepared-\w+-[0-9a-f]{16}")
_MAX_TIME_SHARE = 0.02

_NUMBER = Scalar("a number", lambda value: type(value) in (int, float))
_COUNT = Integer(0)


@dataclass
class RunProgress:
    """Counters of a run."""

    epoch: int = 0  # finished epochs
    batch: int = 0  # finished batches of the current epoch
    step: int = 0  # finished optimizer steps of the run
    seen: int = 0  # rows seen in the current epoch
    weight: int = 0  # predictions in those rows
    totals: dict[str, float] = field(default_factory=dict)  # sums of loss and metrics over those predictions
    records: list[dict[str, float]] = field(default_factory=list)  # of the history
    epoch_seconds: float = 0.0  # training time in the current epoch
    seconds: float = 0.0  # training and validation time of the run

    def add_step(self, means: Mapping[str, float], rows: int, weight: int, seconds: float) -> None:
        """Count a step with its number of rows and of predictions (`weight`), over which loss and metrics are means."""
        for name, mean in means.items():
            self.totals[name] = self.totals.get(name, 0.0) + mean * weight
        self.batch, self.step, self.seen = self.batch + 1, self.step + 1, self.seen + rows
        self.weight += weight
        self.seconds += seconds
        self.epoch_seconds += seconds

    def finish_epoch(self) -> None:
        """Reset the counters of the current epoch."""
        self.epoch, self.batch, self.seen, self.weight, self.totals = self.epoch + 1, 0, 0, 0, {}
        self.epoch_seconds = 0.0


_STATE_SCHEMA = Object(
    {
        "run": Map(ANY),
        "progress": Object(
            {
                **dict.fromkeys(("epoch", "batch", "step", "seen", "weight"), _COUNT),
                "totals": Map(_NUMBER),
                "records": List(Map(_NUMBER)),
                **dict.fromkeys(("epoch_seconds", "seconds"), _NUMBER),
            }
        ),
    },
    {"computation": Map(SCALAR)},
)


@dataclass(frozen=True)
class Snapshot:
    """State of a run between two steps."""

    progress: RunProgress
    weights: Mapping[str, np.ndarray]  # trained variables
    optimizer: Mapping[str, np.ndarray]  # moments, and states of the seed generators
    best: Mapping[str, np.ndarray] | None  # of the best epoch; None if `weights` are these, or no epoch is finished


class Checkpoints:
    """The checkpoints of one run, in a folder; only the newest is kept.

    As a context manager it locks the folder, and SIGINT and SIGTERM stop the run after a checkpoint.

    Args:
        save_minutes: minutes of training between two checkpoints within an epoch; above 0, or a ConfigError is raised.
        restart: delete the checkpoints of an earlier run.
    """

    def __init__(self, folder: str | Path, save_minutes: float = SAVE_MINUTES, restart: bool = False) -> None:
        if not save_minutes > 0:
            raise ConfigError(f"save_minutes must be above 0, not {save_minutes}")
        self.folder = Path(folder).absolute()
        self.interruption, self.seconds_spent = Interruption(), 0.0
        self._restart, self._save_seconds = restart, 60 * save_minutes
        self._started_at = self._saved_at = time.monotonic()
        self._run: dict[str, Any] = {}
        self._computation: dict[str, Any] = {}
        self._phase = ""  # or `_REFIT`, in the names of checkpoints
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        """Lock the folder and remove unfinished files of dead processes.

        Raises:
            BusyError: when another process holds the lock.
            ModelFolderError: when the path is not a folder or cannot be written, which is tried.
        """
        with disk_errors("read", self.folder):
            if is_present(self.folder) and not self.folder.is_dir():
                raise ModelFolderError(f"{self.folder} is not a folder; move it, checkpoints are written there")
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder))
            stack.enter_context(self.interruption.handle_signals())
            remove_leftovers(self.folder)
            if self._restart:
                self.clear()
            self._remove_leftovers()
            if self.has_checkpoint:
                self._set_resume_hint()
            with disk_errors("write", self.folder):
                try_writing_folder(self._path(RunProgress()) if self.folder.exists() else self.folder)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        self._resources.__exit__(*error)

    def start_run(self, run: Mapping[str, Any], computation: Computation | None = None) -> None:
        """Set the identity of the run, JSON values that determine its result; an unfinished run must have the same.

        Another computation than that of the newest checkpoint is a warning, since it changes the last bits only.

        Raises:
            ConfigError: when the newest checkpoint is of another run; lists the differences.
            ModelFolderError: when it is damaged.
        """
        self._phase, self._run = "", json.loads(json.dumps(run))
        self._computation = asdict(computation) if computation else {}
        if (newest := self._newest) is None:
            return
        verify_folder(newest)
        state = _read_state(newest)
        if differences := list(_differences(state["run"], self._run)):
            raise ConfigError(
                f"{self.folder} holds an unfinished run of other options, data or versions: "
                f"{'; '.join(differences)}; restore them, or pass --restart to start over"
            )
        before = state.get("computation")
        if before and (differences := list(_differences({"workers": 1, **before}, self._computation))):
            warn(
                f"{self.folder}: the run resumes with other kernels, threads, workers or processor "
                f"({'; '.join(differences)}); the last bits of the weights may differ from those of an "
                "uninterrupted run"
            )
        self._set_resume_hint()

    def load(self, weights: Mapping[str, Shape], optimizer: Mapping[str, Shape]) -> Snapshot | None:
        """The newest checkpoint of the run, or None.

        `weights` and `optimizer` are the shapes of the run's arrays by name.

        Raises:
            ModelFolderError: when its files are not those of a checkpoint, or have other arrays.
        """
        if (newest := self._newest) is None:
            return None
        best = read_arrays(newest / _BEST, weights) if (newest / _BEST).exists() else None
        progress = RunProgress(**_read_state(newest)["progress"])
        snapshot = Snapshot(
            progress, read_arrays(newest / _WEIGHTS, weights), read_arrays(newest / _OPTIMIZER, optimizer), best
        )
        self._started_at = self._saved_at = time.monotonic()
        return snapshot

    def start_refit(self) -> None:
        """Begin the second part of the run, the refit, which has steps and checkpoints of its own.

        What the first part leaves is in `prepared_files`; its checkpoints are removed.
        """
        self._phase = _REFIT
        for folder in self._complete(_CHECKPOINT):
            if not folder.name.startswith(f"checkpoint-{_REFIT}"):
                folders.remove_folder(folder)

    def prepared_files(
        self, name: str, inputs: Mapping[str, Any], make: Callable[[], Mapping[str, FileContent]]
    ) -> Path:
        """A folder of files that `make` computes once, before the first step of a run, from JSON values `inputs`.

        Raises:
            ModelFolderError: when a file is damaged or cannot be written.
        """
        folder = self.folder / f"prepared-{name}-{run_digest(inputs)[:16]}"
        if not folder.exists():
            files = make()
            folders.make_folder(self.folder)
            folders.write_folder(folder, files)
        verify_folder(folder)
        return folder

    def already_saved_to(self, folder: Path) -> bool:
        """Whether a model folder is the result of this run, which was interrupted before it removed its checkpoints."""
        newest = self._newest
        if newest is None or not is_model_folder(folder):
            return False
        verify_folder(newest)
        return bool(model_folder.read(folder).config.get("run") == run_digest(_read_state(newest)["run"]))

    @property
    def step_parts(self) -> int | None:
        """The option `step_parts` of the unfinished run, which may resume with another number of workers."""
        newest = self._newest
        if newest is None:
            return None
        verify_folder(newest)
        parts = _read_state(newest)["run"].get("fit", {}).get("step_parts")
        return parts if isinstance(parts, int) else None

    @property
    def resume_command(self) -> str:
        """The command that resumes the run, for messages."""
        return "the same command without --restart" if self._restart else "the same command"

    @property
    def has_checkpoint(self) -> bool:
        """Whether the run can be resumed."""
        return self._newest is not None

    def is_due(self) -> bool:
        """Whether the last checkpoint is older than save_minutes."""
        return time.monotonic() - self._saved_at >= self._save_seconds

    def within_time_budget(self) -> bool:
        """Whether writing has taken at most 2 % of the time so far; a write can take longer than an epoch."""
        return self.seconds_spent <= _MAX_TIME_SHARE * (time.monotonic() - self._started_at)

    @property
    def status(self) -> str:
        """Location of the last checkpoint, for messages."""
        return f"the last checkpoint is {self._newest}" if self._newest else "there is no checkpoint yet"

    @property
    def how_to_resume(self) -> str:
        """The end of a message about a run that stopped."""
        return f"; {self.status}; {self.resume_command} resumes from there"

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint, then remove the previous one, which stays after an error.

        Raises:
            TrainingError: when a weight is not finite.
            ModelFolderError: when the disk fails.
        """
        start = time.monotonic()
        previous, progress = self._newest, snapshot.progress
        if not all(np.isfinite(weight).all() for weight in snapshot.weights.values()):
            raise TrainingError(
                f"the weights are no longer finite after epoch {progress.epoch + 1}, step {progress.batch}; "
                f"{self.status}; try a lower learning rate or --precision float32"
            )
        target = self._path(progress)
        if previous == target:
            return
        files: dict[str, FileContent] = {
            _STATE: [json.dumps(self._state(progress), indent=2).encode()],
            _WEIGHTS: to_safetensors(snapshot.weights),
            _OPTIMIZER: to_safetensors(snapshot.optimizer),
        }
        if snapshot.best is not None:
            files[_BEST] = to_safetensors(snapshot.best)
        folders.make_folder(self.folder)
        folders.write_folder(target, files)
        self._set_resume_hint()
        if previous:
            try:
                folders.remove_folder(previous)
            except ModelFolderError as error:
                warn(f"{target} is written, but the one before it is left: {error}")
        self._saved_at = time.monotonic()
        self.seconds_spent += self._saved_at - start

    def clear(self) -> None:
        """Remove all checkpoints and prepared files, and the folder unless it holds something else.

        Checkpoints go last: as long as there is one, `already_saved_to` recognizes the model of this run.
        """
        for folder in self._complete(_PREPARED) + self._complete(_CHECKPOINT):
            folders.remove_folder(folder)
        self._remove_if_empty()

    def _state(self, progress: RunProgress) -> dict[str, Any]:
        return {"run": self._run, "computation": self._computation, "progress": asdict(progress)}

    def _set_resume_hint(self) -> None:
        self.interruption.resume_hint = f"{self.resume_command} resumes from the last checkpoint"

    def _remove_leftovers(self) -> None:
        with disk_errors("read", self.folder):
            leftovers = list(self.folder.glob(".*"))
        for leftover in leftovers:
            name, _, suffix = leftover.name[1:].partition(".")
            if not (_CHECKPOINT.fullmatch(name) or _PREPARED.fullmatch(name)):
                continue
            if suffix == "lock":  # left by a dead process, since a writer holds the lock of the run
                with suppress(OSError):
                    leftover.unlink()
            remove_leftovers(self.folder / name)
        for older in self._complete(_CHECKPOINT)[:-1]:
            folders.remove_folder(older)
        self._remove_if_empty()

    def _remove_if_empty(self) -> None:
        with suppress(OSError):
            self.folder.rmdir()

    @property
    def _newest(self) -> Path | None:
        return max(self._complete(_CHECKPOINT), default=None)

    def _path(self, progress: RunProgress) -> Path:
        return self.folder / f"checkpoint-{self._phase}{progress.epoch:06d}-{progress.batch:08d}"

    def _complete(self, names: re.Pattern[str]) -> list[Path]:
        """Complete folders with matching names; checkpoints are sorted by age, the oldest first."""
        with disk_errors("read", self.folder):
            paths = self.folder.glob("[!.]*")
            return sorted(path for path in paths if names.fullmatch(path.name) and (path / MANIFEST).is_file())


def run_digest(run: Mapping[str, Any]) -> str:
    """SHA-256 of the identity of a run."""
    return sha256(json.dumps(run, sort_keys=True).encode()).hexdigest()


def _read_state(checkpoint: Path) -> dict[str, Any]:
    return read_state(checkpoint / _STATE, _STATE_SCHEMA)


def _differences(previous: Mapping[str, Any], current: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name in sorted(previous.keys() | current.keys()):
        old, new = previous.get(name), current.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{prefix}{name}.")
        elif old != new:
            yield f"{prefix}{name} was {_shortened(old)}, is {_shortened(new)}"


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
