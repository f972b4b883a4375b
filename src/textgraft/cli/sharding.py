"""Folders of shards as the output of a command."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from textgraft.cli.clusters import connected
from textgraft.cli.options import ScalablePrediction
from textgraft.cli.output.console import progress_of_texts
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow, status
from textgraft.errors import ConfigError, InterruptionError, counted
from textgraft.shards.executors import RAY, Executor, LocalExecutor
from textgraft.storage.objects import ObjectPath, output_path
from textgraft.training.interruption import Interruption

if TYPE_CHECKING:
    import pyarrow as pa

    from textgraft.shards.folder import ShardFolder, ShardRecord

_Writer = TypeVar("_Writer", bound=Any)

# Files for people, of which many are of no use.
_WITHOUT_SHARDS = (".xlsx",)


@dataclass(frozen=True)
class ShardedOutput:
    """A folder of shards to be written by a command.

    Attributes:
        path: of the folder.
        ending: of its files.
        job: what determines their content beside the facts of `ShardWriter.describe`, as JSON values.
        overwrite: replace the shards of another run.
    """

    path: Path | ObjectPath
    ending: str
    job: Mapping[str, Any]
    overwrite: bool


def shards_output(out: Path | None) -> Path | ObjectPath | None:
    """The path of an output that is a folder, as a name without an ending and an address are; None for others."""
    target = None if out is None else output_path(out)
    if isinstance(target, ObjectPath):
        if "." in target.name:
            raise ConfigError(f"{target}: an object store takes a folder of files; pass a name without an ending")
        return target
    return target if target is not None and (target.is_dir() or not target.suffix) else None


def require_shards(out: Path | None, options: ScalablePrediction) -> None:
    """Raise a ConfigError for options of shards where a single file is written."""
    if shards_output(out) is not None:
        return
    if options.engine == RAY:
        raise ConfigError("--engine ray writes a folder of files; pass --out with a name without an ending")
    flags = {"--shard-format": options.shard_format, "--shard-rows": options.shard_rows}
    if unused := next((flag for flag, value in flags.items() if value is not None), None):
        raise ConfigError(f"{unused} is for a folder of files; drop it, or pass --out with a name without an ending")


def shard_ending(options: ScalablePrediction, endings: Iterable[str], default: str) -> str:
    """The ending of the files; a ConfigError for a format that shards do not have."""
    ending = default if options.shard_format is None else f".{options.shard_format.removeprefix('.')}"
    choices = [name for name in endings if name not in _WITHOUT_SHARDS]
    if ending not in choices:
        names = ", ".join(choice[1:] for choice in choices)
        raise ConfigError(f"shard_format {options.shard_format!r} is unknown; choose one of {names}")
    return ending


def write_shards(
    output: ShardedOutput,
    windows: "Iterable[pa.RecordBatch]",
    writer: _Writer,
    complete_writer: Callable[[_Writer, Mapping[str, Any]], _Writer],
    options: ScalablePrediction,
) -> "tuple[Mapping[str, Any], list[ShardRecord]] | None":
    """Compute and write the shards that are missing; returns the facts and records of all, in order.

    Args:
        output: the folder.
        windows: all rows, in the windows that are computed together.
        writer: a dataclass with the field `precision`, which is replaced by that of the run that is resumed.
        complete_writer: takes the writer and its description, and returns the writer of shards.
        options: choose the executor and the size of shards.

    Returns:
        None for a folder that was complete before.
    """
    from textgraft.shards.cutting import DEFAULT_ROWS, cut_shards
    from textgraft.shards.executors import compute_shards
    from textgraft.shards.folder import open_shards

    rows = options.shard_rows or DEFAULT_ROWS
    job = {**output.job, "format": output.ending, "shard_rows": rows}
    with open_shards(output.path, job, output.ending, output.overwrite) as folder:
        if folder.is_complete:
            log(f"{output.path} is complete already; pass --overwrite to compute it again")
            return None
        if folder.records:
            log(f"{output.path}: resuming after {counted(len(folder.records), 'shard')} of an interrupted run")
        with _resumable(folder) as interruption, _executor(options, interruption) as executor:
            if folder.facts:
                writer = replace(writer, precision=folder.facts["precision"])
            with status("loading the model"):
                facts = executor.describe(writer)
            folder.start(facts)
            writer = complete_writer(writer, facts)
            logged = set[str]()
            with progress_of_texts() as on_rows:
                for warning in compute_shards(folder, cut_shards(windows, rows), writer, executor, on_rows):
                    if warning not in logged:
                        logged.add(warning)
                        log(warning)
        return facts, [folder.records[index] for index in range(len(folder.records))]


def log_computations(records: "Iterable[ShardRecord]") -> None:
    """Log how shards were computed, if not all in the same way."""
    kinds = Counter(record.facts["computation"] for record in records)
    if len(kinds) > 1:
        parts = "; ".join(f"{counted(count, 'shard')} by {kind}" for kind, count in kinds.items())
        log(f"computed on different machines, whose results may differ in the last digits: {parts}")


def sum_truncated(records: "Iterable[ShardRecord]") -> Mapping[str, int]:
    """The sums of the fields of `TruncationCount` over shards."""
    counts = Counter[str]({"texts": 0, "tokens": 0})
    for record in records:
        counts.update(record.facts["truncated"])
    return counts


@contextmanager
def _resumable(folder: "ShardFolder") -> "Iterator[Interruption]":
    """Handle signals; the error of an interruption says what is complete."""
    interruption = Interruption()
    with interruption.handle_signals():
        try:
            yield interruption
        except InterruptionError as error:
            files = counted(len(folder.records), "file")
            raise interruption.error(f"{files} complete; run the same command to resume") from error


@contextmanager
def _executor(options: ScalablePrediction, interruption: Interruption) -> "Iterator[Executor]":
    if options.engine != RAY:
        load_tensorflow(options)
        yield LocalExecutor()
        return
    from textgraft.shards.ray_cluster import WORKER_THREADS
    from textgraft.shards.ray_executor import RayExecutor

    cluster = RayExecutor(options.address, options.threads or WORKER_THREADS, log, interruption.raise_recorded)
    with connected(cluster, interruption):
        log(f"Ray: {counted(cluster.workers, 'worker')}")
        yield cluster
