"""Folders of shards: files that one process commits, a journal while some are missing, and a manifest in the end.

A shard is staged in `.unfinished`, gets its name, and is recorded in the journal, in this order. So a recorded shard is
complete, and a worker that outlives its run changes nothing but staged files.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from textgraft.data.split_files import PARTS_MANIFEST, UNFINISHED
from textgraft.errors import DataError, ModelFolderError, counted
from textgraft.shards.cutting import RowSpan
from textgraft.shards.local_files import LocalFiles
from textgraft.shards.object_files import ObjectFiles
from textgraft.storage.objects import ObjectPath
from textgraft.storage.schema import ANY, STRING, Integer, List, Map, Object, Schema
from textgraft.storage.strict_json import parse_strictly
from textgraft.storage.verification import SYSTEM_FILES

_FORMAT_VERSION = 1
_PART = re.compile(r"part-\d{6,}\.\w+")
_MAX_DEPTH = 8
_HEADER_FIELDS: dict[str, Schema] = {"format_version": Integer(1), "job": Map(ANY), "facts": Map(ANY)}
_HEADER = Object(_HEADER_FIELDS)
_SPAN: dict[str, Schema] = {"index": Integer(0), "first_row": Integer(0), "rows": Integer(1), "input_sha256": STRING}
_RECORD_FIELDS: dict[str, Schema] = {**_SPAN, "bytes": Integer(0), "sha256": STRING, "facts": Map(ANY)}
_RECORD = Object(_RECORD_FIELDS)
_MANIFEST = Object({**_HEADER_FIELDS, "rows": Integer(0), "shards": List(Object({"file": STRING, **_RECORD_FIELDS}))})


@dataclass(frozen=True)
class StagedFile:
    """The output of a shard before it has its name.

    Attributes:
        path: of the file.
        bytes: its size.
        sha256: of its content.
        facts: what is recorded beside it, as JSON values.
    """

    path: Path | ObjectPath
    bytes: int
    sha256: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class ShardRecord:
    """A committed shard; see `RowSpan` and `StagedFile`."""

    span: RowSpan
    bytes: int
    sha256: str
    facts: Mapping[str, Any]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The record that `as_json` returned."""
        return cls(RowSpan(*(values[name] for name in _SPAN)), values["bytes"], values["sha256"], values["facts"])

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**asdict(self.span), "bytes": self.bytes, "sha256": self.sha256, "facts": dict(self.facts)}


class ShardFiles(Protocol):
    """The files of a folder of shards on a disk or in an object store."""

    @property
    def path(self) -> Any:
        """Of the folder, for messages."""

    @property
    def journal(self) -> Any:
        """Of the journal, for messages."""

    def locked(self) -> AbstractContextManager[None]:
        """Lock the folder, and create it; a BusyError when another process has locked it."""

    def names(self) -> list[str]:
        """The names of files and folders in it."""

    def read(self, name: str) -> bytes | None:
        """The content of a file; None when there is none."""

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write a file, which has its earlier content until it is complete."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files."""

    def digests(self, names: Iterable[str]) -> Iterator[str | None]:
        """The SHA-256 of each file; None for one that is missing."""

    def staging_path(self, name: str) -> Path | ObjectPath:
        """The path of a staged file."""

    def read_journal(self) -> list[bytes]:
        """The lines of the journal, none where there is no run to resume; staged files of earlier runs are removed."""

    def begin_journal(self, header: bytes | None) -> None:
        """Begin the journal with a line, or continue it."""

    def publish(self, staged: Any, name: str, record: bytes) -> None:
        """Give a staged file its name, and then add a line to the journal."""

    def remove_journal(self) -> None:
        """Remove the journal and staged files, and mark the folder as incomplete."""

    def remove_unfinished(self) -> None:
        """Remove what a complete folder does not have."""


class ShardFolder:
    """A folder of shards that this process writes; see `open_shards`.

    Attributes:
        path: of the folder.
        facts: of the model and the computation, from the run that began the folder; None in a new folder.
        records: of the committed shards, by index.
        is_complete: whether the manifest is written.
    """

    def __init__(self, files: ShardFiles, job: Mapping[str, Any], ending: str) -> None:
        self.path, self._files, self._job, self._ending = files.path, files, dict(job), ending
        self.facts: Mapping[str, Any] | None = None
        self.records: dict[int, ShardRecord] = {}
        self.is_complete = False
        self._is_replaced = False

    def start(self, facts: Mapping[str, Any]) -> None:
        """Begin or resume the journal; shards that are to be overwritten are removed now.

        Raises:
            DataError: when other facts are recorded.
        """
        if self._is_replaced:
            self._clear()
        header = None
        if self.facts is None:
            self.facts = dict(facts)
            header = _line({"format_version": _FORMAT_VERSION, "job": self._job, "facts": self.facts})
        else:
            self._require_same(self.facts, facts)
        self._files.begin_journal(header)

    def staging_path(self, index: int) -> Path | ObjectPath:
        """A new path for the output of a shard."""
        return self._files.staging_path(f"{index:06d}-{os.urandom(4).hex()}{self._ending}")

    def has(self, span: RowSpan) -> bool:
        """Whether a shard is committed.

        Raises:
            DataError: when a shard of this index is committed for other rows.
        """
        record = self.records.get(span.index)
        if record is None:
            return False
        if record.span != span:
            raise DataError(
                f"{self.path}: the {span} of the data are not those of the interrupted run; set overwrite to start over"
            )
        return True

    def commit(self, span: RowSpan, staged: StagedFile) -> None:
        """Give a staged file its name and record it."""
        record = ShardRecord(span, staged.bytes, staged.sha256, staged.facts)
        self._files.publish(staged.path, self._part(span.index), _line(record.as_json()))
        self.records[span.index] = record

    def complete(self, shards: int) -> None:
        """Write the manifest of the committed shards, of which there are this many.

        Raises:
            DataError: when the interrupted run committed more.
        """
        if len(self.records) != shards:
            raise DataError(
                f"{self.path}: the data have {counted(shards, 'shard')} and the interrupted run wrote "
                f"{len(self.records)}; set overwrite to start over"
            )
        listed = [{"file": self._part(index), **self.records[index].as_json()} for index in sorted(self.records)]
        rows = sum(record.span.rows for record in self.records.values())
        manifest = {"format_version": _FORMAT_VERSION, "job": self._job, "facts": self.facts, "rows": rows}
        head = f"{json.dumps(manifest, ensure_ascii=False, indent=1)[:-2]},\n".encode()
        shard_lines = b",\n  ".join(_line(shard).rstrip() for shard in listed)
        self._files.write(PARTS_MANIFEST, (head, b' "shards": [\n  ', shard_lines, b"\n ]\n}\n"))
        self.is_complete = True
        self._files.remove_unfinished()

    def read(self, overwrite: bool) -> None:
        """Read what an earlier run left, and prepare the folder for this one; the caller holds its lock."""
        names = self._files.names()
        ours = {PARTS_MANIFEST, UNFINISHED, *SYSTEM_FILES}
        if others := sorted(name for name in names if name not in ours and not _PART.fullmatch(name)):
            raise DataError(f"{self.path} also has {others[0]!r}, which is no shard; choose another name")
        if overwrite:
            self._is_replaced = True
            return
        manifest = self._files.read(PARTS_MANIFEST)
        if manifest is not None:
            self._read_manifest(manifest)
            return
        if UNFINISHED not in names and any(map(_PART.fullmatch, names)):
            raise DataError(f"{self.path} has files of shards without {PARTS_MANIFEST}; choose another name")
        self._read_journal()

    def _clear(self) -> None:
        """Remove the shards; a folder without a manifest and with an empty journal has none."""
        self._files.remove_journal()
        self._files.remove([PARTS_MANIFEST])
        self._files.remove([name for name in self._files.names() if _PART.fullmatch(name)])

    def _read_manifest(self, content: bytes) -> None:
        try:
            manifest = parse_strictly(content, _MAX_DEPTH)
            _MANIFEST.check(manifest, PARTS_MANIFEST)
        except (ValueError, ModelFolderError) as error:
            raise DataError(f"{self.path}/{PARTS_MANIFEST} is damaged; set overwrite to start over") from error
        self._require_same(manifest["job"], self._job)
        self._files.remove_unfinished()
        self.is_complete = True
        for values in manifest["shards"]:
            record = ShardRecord.from_json(values)
            self.records[record.span.index] = record

    def _read_journal(self) -> None:
        """Read the records; a shard whose file does not have its SHA-256 is computed again."""
        lines = self._files.read_journal()
        if not lines:
            return
        header, *recorded = [self._parse(line, number) for number, line in enumerate(lines, start=1)]
        self._require_same(header["job"], self._job)
        self.facts = header["facts"]
        records = [ShardRecord.from_json(values) for values in recorded]
        digests = self._files.digests([self._part(record.span.index) for record in records])
        for record, digest in zip(records, digests, strict=True):
            if digest == record.sha256:
                self.records[record.span.index] = record

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            values = parse_strictly(line, _MAX_DEPTH)
            (_HEADER if number == 1 else _RECORD).check(values, "the journal")
        except (ValueError, ModelFolderError) as error:
            raise DataError(f"{self._files.journal}, line {number}: damaged; set overwrite to start over") from error
        return values  # type: ignore[no-any-return]

    def _require_same(self, recorded: Mapping[str, Any], current: Mapping[str, Any]) -> None:
        names = sorted({*recorded, *current})
        differing = next((name for name in names if recorded.get(name) != current.get(name)), None)
        if differing is not None:
            values = f"{json.dumps(recorded.get(differing))} instead of {json.dumps(current.get(differing))}"
            raise DataError(
                f"{self.path} is of a run with another {differing}: {values}; choose another name or set overwrite"
            )

    def _part(self, index: int) -> str:
        return f"part-{index:06d}{self._ending}"


@contextmanager
def open_shards(path: Path | ObjectPath, job: Mapping[str, Any], ending: str, overwrite: bool) -> Iterator[ShardFolder]:
    """Lock a folder of shards, and read what an earlier run of the same job left in it.

    Args:
        path: of the folder; its parent must exist, except in an object store.
        job: what determines the output, as JSON values.
        ending: of the files.
        overwrite: remove the shards of an earlier run, of whatever job.

    Raises:
        DataError: for a folder of another job, or that has other files, or cannot be written.
        BusyError: when another process is writing it.
    """
    files: ShardFiles = ObjectFiles(path) if isinstance(path, ObjectPath) else LocalFiles(path)
    with files.locked():
        folder = ShardFolder(files, job, ending)
        folder.read(overwrite)
        yield folder


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
