"""Folders of shards: files that one process commits, a journal while some are missing, and a manifest in the end.

A shard is staged in `.unfinished`, renamed to its name, and recorded in the journal, in this order and each synced. So
a recorded shard is complete, and a worker that outlives its run changes nothing but staged files.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from textgraft.data.split_files import PARTS_MANIFEST, UNFINISHED
from textgraft.errors import DataError, ModelFolderError, counted
from textgraft.shards.cutting import RowSpan
from textgraft.storage.atomic_files import atomic_file
from textgraft.storage.disk import disk_errors, is_present
from textgraft.storage.locks import locked
from textgraft.storage.schema import ANY, STRING, Integer, Map, Object, Schema
from textgraft.storage.strict_json import parse_strictly
from textgraft.storage.syncing import sync_folder
from textgraft.storage.verification import SYSTEM_FILES, digest_of

_JOURNAL = "journal.jsonl"
_FORMAT_VERSION = 1
_PART = re.compile(r"part-\d{6,}\.\w+")
_MAX_DEPTH = 8
_HEADER = Object({"format_version": Integer(1), "job": Map(ANY), "facts": Map(ANY)})
_SPAN: dict[str, Schema] = {"index": Integer(0), "first_row": Integer(0), "rows": Integer(1), "input_sha256": STRING}
_RECORD = Object({**_SPAN, "bytes": Integer(0), "sha256": STRING, "facts": Map(ANY)})


@dataclass(frozen=True)
class StagedFile:
    """The output of a shard before it has its name.

    Attributes:
        path: of the file.
        bytes: its size.
        sha256: of its content.
        facts: what is recorded beside it, as JSON values.
    """

    path: Path
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


class ShardFolder:
    """A folder of shards that this process writes; see `open_shards`.

    Attributes:
        path: of the folder.
        facts: of the model and the computation, from the run that began the folder; None in a new folder.
        records: of the committed shards, by index.
        is_complete: whether the manifest is written.
    """

    def __init__(self, path: Path, job: Mapping[str, Any], ending: str) -> None:
        self.path, self._job, self._ending = path, dict(job), ending
        self.facts: Mapping[str, Any] | None = None
        self.records: dict[int, ShardRecord] = {}
        self.is_complete = False
        self._is_replaced = False
        self._unfinished = path / UNFINISHED
        self._journal: BinaryIO | None = None

    def start(self, facts: Mapping[str, Any]) -> None:
        """Begin or resume the journal; shards that are to be overwritten are removed now.

        Raises:
            DataError: when other facts are recorded.
        """
        if self._is_replaced:
            self._clear()
        if self.facts is None:
            self.facts = dict(facts)
            header = {"format_version": _FORMAT_VERSION, "job": self._job, "facts": self.facts}
            with atomic_file(self._unfinished / _JOURNAL) as file:
                file.write(_line(header))
        else:
            self._require_same(self.facts, facts)
        self._journal = (self._unfinished / _JOURNAL).open("ab")

    def staging_path(self, index: int) -> Path:
        """A new path for the output of a shard."""
        return self._unfinished / f"{index:06d}-{os.urandom(4).hex()}{self._ending}"

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
        if self._journal is None:
            raise RuntimeError("start was not called")
        record = ShardRecord(span, staged.bytes, staged.sha256, staged.facts)
        staged.path.replace(self._part(span.index))
        sync_folder(self.path)
        self._journal.write(_line(record.as_json()))
        self._journal.flush()
        os.fsync(self._journal.fileno())
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
        listed = [{"file": self._part(index).name, **self.records[index].as_json()} for index in sorted(self.records)]
        rows = sum(record.span.rows for record in self.records.values())
        manifest = {"format_version": _FORMAT_VERSION, "job": self._job, "facts": self.facts, "rows": rows}
        with atomic_file(self.path / PARTS_MANIFEST) as file:
            file.write(f"{json.dumps(manifest, ensure_ascii=False, indent=1)[:-2]},\n".encode())
            file.write(b' "shards": [\n  ' + b",\n  ".join(_line(shard).rstrip() for shard in listed) + b"\n ]\n}\n")
        self.is_complete = True
        self.close()
        self._remove_staged()

    def _remove_staged(self) -> None:
        """Remove what is not listed; a worker that outlives its run may still write there, which is no error."""
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def read(self, overwrite: bool) -> None:
        """Read what an earlier run left, and prepare the folder for this one; the caller holds its lock."""
        if is_present(self.path) and not self.path.is_dir():
            raise DataError(f"{self.path} is a file; choose another name")
        self.path.mkdir(exist_ok=True)
        self._require_no_others()
        if overwrite:
            self._is_replaced = True
            return
        if is_present(self.path / PARTS_MANIFEST):
            self._read_manifest()
            return
        if not self._unfinished.exists() and any(self.path.glob("part-*")):
            raise DataError(f"{self.path} has files of shards without {PARTS_MANIFEST}; choose another name")
        self._unfinished.mkdir(exist_ok=True)
        self._remove_stale()
        self._read_journal()

    def _require_no_others(self) -> None:
        names = (path.name for path in self.path.iterdir())
        ours = {PARTS_MANIFEST, UNFINISHED, *SYSTEM_FILES}
        if others := sorted(name for name in names if name not in ours and not _PART.fullmatch(name)):
            raise DataError(f"{self.path} also has {others[0]!r}, which is no shard; choose another name")

    def _remove_stale(self) -> None:
        """Remove the files that earlier runs staged."""
        for staged in self._unfinished.iterdir():
            if staged.name != _JOURNAL:
                staged.unlink(missing_ok=True)

    def _clear(self) -> None:
        """Remove the shards; a folder without a manifest and with an empty journal has none."""
        self._unfinished.mkdir(exist_ok=True)
        (self._unfinished / _JOURNAL).unlink(missing_ok=True)
        self._remove_stale()
        (self.path / PARTS_MANIFEST).unlink(missing_ok=True)
        for part in self.path.iterdir():
            if _PART.fullmatch(part.name):
                part.unlink()

    def _read_manifest(self) -> None:
        content = (self.path / PARTS_MANIFEST).read_bytes()
        try:
            manifest = parse_strictly(content, _MAX_DEPTH)
            _HEADER.check({name: manifest.pop(name) for name in _HEADER.fields}, PARTS_MANIFEST)
        except (ValueError, AttributeError, KeyError, ModelFolderError) as error:
            raise DataError(f"{self.path / PARTS_MANIFEST} is damaged; set overwrite to start over") from error
        self._require_same(json.loads(content)["job"], self._job)
        self._remove_staged()
        self.is_complete = True
        for values in manifest["shards"]:
            record = ShardRecord.from_json(values)
            self.records[record.span.index] = record

    def _read_journal(self) -> None:
        """Read the records; the last line may be incomplete, since its writer was killed, and is removed."""
        path = self._unfinished / _JOURNAL
        if not path.exists():
            return
        content = path.read_bytes()
        lines, end = content.splitlines(keepends=True), len(content)
        if lines and not lines[-1].endswith(b"\n"):
            end -= len(lines.pop())
            os.truncate(path, end)
        if not lines:
            return
        header, *records = [self._parse(line, number) for number, line in enumerate(lines, start=1)]
        self._require_same(header["job"], self._job)
        self.facts = header["facts"]
        for values in records:
            record = ShardRecord.from_json(values)
            if self._is_intact(record):
                self.records[record.span.index] = record

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            values = parse_strictly(line, _MAX_DEPTH)
            (_HEADER if number == 1 else _RECORD).check(values, _JOURNAL)
        except (ValueError, ModelFolderError) as error:
            raise DataError(
                f"{self._unfinished / _JOURNAL}, line {number}: damaged; set overwrite to start over"
            ) from error
        return values  # type: ignore[no-any-return]

    def _is_intact(self, record: ShardRecord) -> bool:
        """Whether the file of a recorded shard has its SHA-256; otherwise it is computed again."""
        path = self._part(record.span.index)
        return is_present(path) and digest_of(path) == record.sha256

    def _require_same(self, recorded: Mapping[str, Any], current: Mapping[str, Any]) -> None:
        names = sorted({*recorded, *current})
        differing = next((name for name in names if recorded.get(name) != current.get(name)), None)
        if differing is not None:
            values = f"{json.dumps(recorded.get(differing))} instead of {json.dumps(current.get(differing))}"
            raise DataError(
                f"{self.path} is of a run with another {differing}: {values}; choose another name or set overwrite"
            )

    def _part(self, index: int) -> Path:
        return self.path / f"part-{index:06d}{self._ending}"


@contextmanager
def open_shards(path: Path, job: Mapping[str, Any], ending: str, overwrite: bool) -> Iterator[ShardFolder]:
    """Lock a folder of shards, and read what an earlier run of the same job left in it.

    Args:
        path: of the folder; its parent must exist.
        job: what determines the output, as JSON values.
        ending: of the files.
        overwrite: remove the shards of an earlier run, of whatever job.

    Raises:
        DataError: for a folder of another job, or that has other files, or cannot be written.
        BusyError: when another process is writing it.
    """
    path = Path(os.path.realpath(path))
    if not path.parent.is_dir():
        raise DataError(f"cannot write {path}: {path.parent} is not a folder; create it first")
    with locked(path), disk_errors("write", path, kind=DataError):
        folder = ShardFolder(path, job, ending)
        folder.read(overwrite)
        try:
            yield folder
        finally:
            folder.close()


def _line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
