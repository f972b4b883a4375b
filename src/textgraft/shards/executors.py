"""Computation of shards, by an executor in any order."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from textgraft.errors import ConfigError, recorded_warnings

if TYPE_CHECKING:
    import pyarrow as pa

    from textgraft.shards.cutting import RowSpan, Shard
    from textgraft.shards.folder import ShardFolder, StagedFile
    from textgraft.storage.objects import ObjectPath

# The engine that computes shards in the processes of a Ray cluster.
RAY = "ray"


def require_ray() -> None:
    """Raise a ConfigError unless the extra `ray` is installed."""
    if find_spec("ray") is None:
        raise ConfigError("engine ray needs ray; run: pip install 'textgraft[ray]'")


class ShardWriter(Protocol):
    """Computes the output of shards; it may be sent to another process."""

    def describe(self) -> dict[str, Any]:
        """Load the model; returns facts about it and the computation that determine the output, as JSON values."""

    def write(self, windows: "Iterable[pa.RecordBatch]", path: Path) -> dict[str, Any]:
        """Write the output for windows of rows to a new file, synced; returns facts to be recorded, as JSON values."""


class Computed(NamedTuple):
    """A shard whose output is staged, and the warnings of its computation."""

    span: "RowSpan"
    staged: "StagedFile"
    warnings: tuple[str, ...] = ()


class Executor(Protocol):
    """Runs a writer somewhere."""

    def describe(self, writer: ShardWriter) -> dict[str, Any]:
        """The result of `ShardWriter.describe`."""

    def run(
        self, writer: ShardWriter, shards: "Iterable[Shard]", staging_path: "Callable[[int], Path | ObjectPath]"
    ) -> Iterator[Computed]:
        """Compute shards, which are taken as there is capacity; they are yielded as they become complete."""


class LocalExecutor:
    """Computes shards in this process, one at a time."""

    def describe(self, writer: ShardWriter) -> dict[str, Any]:
        """The result of `ShardWriter.describe`."""
        return writer.describe()

    def run(
        self, writer: ShardWriter, shards: "Iterable[Shard]", staging_path: "Callable[[int], Path | ObjectPath]"
    ) -> Iterator[Computed]:
        """Compute shards in their order."""
        for shard in shards:
            yield Computed(shard.span, stage(writer, shard, staging_path(shard.span.index)))


def compute_shards(
    folder: "ShardFolder",
    shards: "Iterable[Shard]",
    writer: ShardWriter,
    executor: Executor,
    on_rows: Callable[[int], None] = lambda _: None,
) -> Iterator[str]:
    """Compute and commit the shards that a started folder lacks, then write its manifest; yields warnings.

    `on_rows` is called with the number of rows of each shard that is committed, also of earlier runs.

    Raises:
        DataError: when the folder has shards of other rows.
    """
    count = 0

    def missing() -> "Iterator[Shard]":
        nonlocal count
        for shard in shards:
            count += 1
            if folder.has(shard.span):
                on_rows(shard.span.rows)
            else:
                yield shard

    for computed in executor.run(writer, missing(), folder.staging_path):
        folder.commit(computed.span, computed.staged)
        on_rows(computed.span.rows)
        yield from computed.warnings
    folder.complete(count)


def stage(writer: ShardWriter, shard: "Shard", path: "Path | ObjectPath") -> "StagedFile":
    """Write the output of a shard to a new file or object."""
    from textgraft.shards.folder import StagedFile

    if isinstance(path, Path):
        return StagedFile(path, *_write(writer, shard, path))
    with TemporaryDirectory() as folder:
        file = Path(folder, path.name)
        facts = _write(writer, shard, file)
        path.upload(file)
    return StagedFile(path, *facts)


def _write(writer: ShardWriter, shard: "Shard", path: Path) -> tuple[int, str, dict[str, Any]]:
    """The size, the SHA-256 and the facts of a new file with the output of a shard."""
    facts = writer.write(shard.windows(), path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path.stat().st_size, digest, facts


def stage_elsewhere(writer: ShardWriter, shard: "Shard", path: "Path | ObjectPath") -> Computed:
    """`stage` in another process than the one that reports warnings."""
    with recorded_warnings() as messages:
        staged = stage(writer, shard, path)
    return Computed(shard.span, staged, tuple(messages))
