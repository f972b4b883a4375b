"""Every system call of a write can fail: the old or the new content is complete, and the message is true."""

import errno
import os
import re
import shutil
import stat
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tools.faults import CHANGES, Faults

from textgraft.errors import BusyError, DataError, ModelFolderError
from textgraft.storage import exchange, folders
from textgraft.storage.atomic_files import atomic_file
from textgraft.storage.disk import disk_errors
from textgraft.storage.replacement import recover, remove_leftovers
from textgraft.storage.verification import verify_folder
from textgraft.training.checkpoints import Checkpoints, RunProgress, Snapshot

ADVICE = {
    errno.EIO: "the disk or its connection may be failing",
    errno.ENOSPC: "free disk space",
    errno.EDQUOT: "get a larger quota",
    errno.EROFS: "a file system that is not read-only",
    errno.EACCES: "check the permissions",
    errno.EINVAL: "the file system does not support this",
}
LASTING = {errno.EIO, errno.ENOSPC, errno.EROFS}
OLD, NEW = {"weights": [b"old"]}, {"weights": [b"new"]}


@pytest.fixture(autouse=True)
def _fast_sync(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def no_exchange(first, second):
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


@dataclass
class Attempt:
    """A write in which calls failed: its error, if any, and its warnings."""

    case: str
    error: Exception | None
    warnings: list[str]


def attempts(
    folder: Path, begin: Callable[[], None], write: Callable[[], None], codes: Collection[int] = ADVICE.keys()
) -> Iterator[Attempt]:
    """A write after `begin`, with each error at each system call, also at all later ones that change files."""
    begin()
    counted = Faults(folder)
    with counted.injected():
        write()
    for index, name in enumerate(counted.calls):
        for code in codes:
            begin()
            faults = Faults(folder, code, lambda call, *_, index=index: call == index)
            yield attempt(write, faults, code, f"{errno.errorcode[code]} at call {index}, {name}")
        for code in LASTING & codes if name in CHANGES else ():
            begin()
            faults = Faults(folder, code, lambda call, name, _, index=index: call >= index and name in CHANGES)
            yield attempt(write, faults, code, f"{errno.errorcode[code]} from call {index}, {name}")


def attempt(write: Callable[[], None], faults: Faults, code: int, case: str) -> Attempt:
    """A write with faults; its messages must name the error and what to do."""
    error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with faults.injected():
                write()
        except (ModelFolderError, DataError, BusyError) as raised:
            error = raised
    warned = [str(warning.message) for warning in caught]
    for message in [str(error)] * (error is not None) + warned:
        assert re.search(f"{os.strerror(code)}; .*{ADVICE[code]}", message), f"{case}: {message}"
    return Attempt(case, error, warned)


def content(folder: Path) -> str | None:
    """The content of a folder, which must be complete; None where there is none."""
    if not folder.exists():
        return None
    verify_folder(folder)
    return (folder / "weights").read_text()


@pytest.mark.parametrize(
    ("before", "exchanges"),
    [(None, True), ("old", True), pytest.param("old", False, marks=pytest.mark.slow)],
    ids=["new", "exchange", "no exchange"],
)
def test_faults_while_a_folder_is_written(tmp_path, monkeypatch, before, exchanges):
    if not exchanges:
        monkeypatch.setattr(exchange, "exchange_names", no_exchange)
    parent = tmp_path / "parent"
    target = parent / "model"

    def begin():
        shutil.rmtree(parent, ignore_errors=True)
        parent.mkdir()
        if before:
            folders.write_folder(target, OLD)

    for result in attempts(tmp_path, begin, lambda: folders.write_folder(target, NEW, overwrite=True)):
        if result.error and ".previous." in str(result.error):
            assert not target.exists(), result
            recover(target)
        assert content(target) == (before if result.error else "new"), result
        folders.write_folder(target, NEW, overwrite=True)
        assert [path.name for path in parent.iterdir()] == ["model"], result


def test_faults_while_an_interrupted_replacement_is_finished(tmp_path):
    parent = tmp_path / "parent"
    target = parent / "model"

    def begin():
        shutil.rmtree(parent, ignore_errors=True)
        parent.mkdir()
        folders.write_folder(parent / ".model.previous.0a1b2c3d", OLD)

    codes = {errno.EIO, errno.EACCES}
    for result in attempts(tmp_path, begin, lambda: folders.write_folder(target, NEW, overwrite=True), codes):
        recover(target)
        assert content(target) == ("old" if result.error else "new"), result


@pytest.mark.parametrize("before", [None, b"old"], ids=["new", "replaced"])
def test_faults_while_a_file_is_written(tmp_path, before):
    parent = tmp_path / "parent"
    target = parent / "table.csv"

    def begin():
        shutil.rmtree(parent, ignore_errors=True)
        parent.mkdir()
        if before:
            target.write_bytes(before)

    def write():
        with disk_errors("write", target, kind=DataError), atomic_file(target) as file:
            file.write(b"new")

    for result in attempts(tmp_path, begin, write):
        assert (target.read_bytes() if target.exists() else None) == (before if result.error else b"new"), result
        write()
        assert [path.name for path in parent.iterdir()] == ["table.csv"], result


def test_faults_while_a_folder_is_removed(tmp_path):
    target = tmp_path / "parent" / "model"

    def begin():
        shutil.rmtree(target.parent, ignore_errors=True)
        target.parent.mkdir()
        folders.write_folder(target, OLD)

    for result in attempts(tmp_path, begin, lambda: folders.remove_folder(target)):
        assert content(target) == ("old" if result.error else None), result
        assert result.error or result.warnings, result
        remove_leftovers(target)
        assert [path.name for path in target.parent.iterdir()] == (["model"] if result.error else []), result


@pytest.mark.parametrize("before", [None, "old"], ids=["new", "present"])
def test_faults_while_writing_is_tried(tmp_path, before):
    codes = {errno.EIO, errno.EINVAL}
    target = tmp_path / "parent" / "model"

    def begin():
        shutil.rmtree(target.parent, ignore_errors=True)
        target.parent.mkdir()
        if before:
            folders.write_folder(target, OLD)

    for result in attempts(tmp_path, begin, lambda: folders.require_writable(target, overwrite=True), codes):
        assert content(target) == before, result
        assert not result.warnings, result
        remove_leftovers(target)
        left = {path.name for path in target.parent.iterdir()} - {".model.lock"}
        assert left == ({"model"} if before else set()), result


def snapshot(step: int) -> Snapshot:
    """A state after steps."""
    array = {"weight": np.full(2, step, np.float32)}
    return Snapshot(RunProgress(batch=step, step=step), array, array, None)


@pytest.mark.parametrize("before", [None, 1], ids=["first", "second"])
@pytest.mark.parametrize("codes", [{errno.EIO}, pytest.param(ADVICE.keys(), marks=pytest.mark.slow)], ids=["io", "all"])
def test_faults_while_a_checkpoint_is_written(tmp_path, before, codes):
    folder = tmp_path / "parent" / "model.run"

    def save(step):
        with Checkpoints(folder) as checkpoints:
            checkpoints.start_run({})
            checkpoints.save(snapshot(step))

    def begin():
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.parent.mkdir()
        if before:
            save(before)

    for result in attempts(tmp_path, begin, lambda: save(2), codes):
        with Checkpoints(folder) as checkpoints:
            state = checkpoints.load({"weight": (2,)}, {"weight": (2,)})
            assert (state and state.progress.step) == (before if result.error else 2), result
            checkpoints.clear()
        assert not list(folder.parent.iterdir()), result


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
@pytest.mark.parametrize("write", ["folder", "file", "trial", "checkpoint"])
def test_file_system_that_cannot_sync_folders_is_no_fault(tmp_path, monkeypatch, write, code):
    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            refused.append(descriptor)
            raise OSError(code, os.strerror(code))

    refused = []
    monkeypatch.setattr(os, "fsync", fsync)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if write == "folder":
            folders.write_folder(tmp_path / "model", NEW)
        elif write == "file":
            with atomic_file(tmp_path / "table.csv") as file:
                file.write(b"new")
        elif write == "trial":
            folders.require_writable(tmp_path / "model", overwrite=False)
        else:
            with Checkpoints(tmp_path / "model.run") as checkpoints:
                checkpoints.start_run({})
                checkpoints.save(snapshot(1))
                checkpoints.clear()
    assert refused


def test_target_of_another_user_in_a_shared_folder_is_refused_before_a_run(tmp_path, monkeypatch):
    folders.write_folder(tmp_path / "model", OLD)
    tmp_path.chmod(0o1777)
    folders.require_writable(tmp_path / "model", overwrite=True)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ModelFolderError, match="Operation not permitted; check the permissions"):
        folders.require_writable(tmp_path / "model", overwrite=True)
    folders.require_writable(tmp_path / "another", overwrite=True)


def test_mount_point_is_refused_before_a_run(tmp_path, monkeypatch):
    folders.write_folder(tmp_path / "model", OLD)
    monkeypatch.setattr(Path, "is_mount", lambda path: path.name == "model")
    with pytest.raises(ModelFolderError, match="Device or resource busy; another program or a mount uses it"):
        folders.require_writable(tmp_path / "model", overwrite=True)


@pytest.mark.parametrize("call", ["fsync", "rename", "mkdir", "create"])
def test_fault_is_known_before_a_run(tmp_path, call):
    """A file system on which only one kind of call fails."""
    for enter in (
        lambda: folders.require_writable(tmp_path / "model", overwrite=False),
        lambda: Checkpoints(tmp_path / "model.run").__enter__(),
    ):
        faults = Faults(tmp_path, errno.EIO, lambda index, name, _: name == call)
        with faults.injected(), pytest.raises(ModelFolderError, match="Input/output error; the disk"):
            enter()
        assert not list(tmp_path.iterdir())
