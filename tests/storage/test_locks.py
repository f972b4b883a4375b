"""Locks between processes name their holder, also when it was forked."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from textgraft.errors import BusyError, ModelFolderError
from textgraft.storage.locks import locked

HOLD = """
import os, sys, time
from pathlib import Path
from textgraft.storage.locks import locked
with locked(Path(sys.argv[1])):
    {action}
    print("held", flush=True)
    input()
"""
on_linux = pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="needs /proc")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def hold(path, action="pass"):
    """A process that holds the lock of a path, after an action."""
    code = HOLD.format(action=action)
    return subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=-1, stdout=-1, text=True)


def test_lock_file_is_removed(tmp_path):
    with locked(tmp_path / "model"):
        assert names(tmp_path) == [".model.lock"]
    assert names(tmp_path) == []


def test_lock_of_another_process_names_it(tmp_path):
    with hold(tmp_path / "model") as other:
        assert other.stdout.readline() == "held\n"
        message = rf"model is in use by process {other.pid} on .* since [^,]*; wait for it or choose another name"
        with pytest.raises(BusyError, match=message), locked(tmp_path / "model"):
            pass
        other.kill()  # which releases its lock
        other.wait()
        with locked(tmp_path / "model"):
            pass
    assert names(tmp_path) == []


@on_linux
def test_process_that_a_dead_holder_started_is_named(tmp_path):
    with hold(tmp_path / "model", "os.fork() or os.close(1) or time.sleep(60)") as other:
        assert other.stdout.readline() == "held\n"
        (child,) = Path(f"/proc/{other.pid}/task/{other.pid}/children").read_text().split()
        other.kill()
        other.wait()
        try:
            message = f"in use by process {child}, which process {other.pid} on .* started before it ended; end it"
            with pytest.raises(BusyError, match=message), locked(tmp_path / "model"):
                pass
        finally:
            os.kill(int(child), 9)


def test_forked_process_that_leaves_the_block_keeps_the_lock_of_its_parent(tmp_path):
    with hold(
        tmp_path / "model", "child = os.fork()\n    if child == 0: sys.exit()\n    os.waitpid(child, 0)"
    ) as other:
        assert other.stdout.readline() == "held\n"
        assert names(tmp_path) == [".model.lock"]
        with pytest.raises(BusyError, match=f"in use by process {other.pid} on"), locked(tmp_path / "model"):
            pass
        other.communicate("\n")
    assert other.returncode == 0
    assert names(tmp_path) == []


def test_lock_file_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    (tmp_path / ".model.lock").symlink_to("letter.txt")
    with pytest.raises(ModelFolderError, match=r"cannot lock .*; remove the symbolic link .*\.model\.lock$"):
        locked(tmp_path / "model").__enter__()
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_lock_works_on_a_full_disk(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with locked(tmp_path / "model"):
        pass
    assert names(tmp_path) == []


def test_lock_of_another_owner_is_not_removed(tmp_path):
    """Someone removed the file by hand, and another process has a new one."""
    with locked(tmp_path / "model"):
        (tmp_path / ".model.lock").unlink()
        (tmp_path / ".model.lock").write_text("another")
    assert (tmp_path / ".model.lock").read_text() == "another"
