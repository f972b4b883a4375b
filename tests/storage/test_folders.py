"""Folders are there whole or not at all."""

import errno
import os
import shutil
import subprocess
import sys

import pytest

from textgraft.errors import BusyError, ModelFolderError
from textgraft.storage import folders
from textgraft.storage.folders import MANIFEST, write_folder
from textgraft.storage.manifest import verify_folder


def fill_with(content):
    return {"weights": [content.encode()]}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_written_verified_and_nothing_left_beside(tmp_path):
    write_folder(tmp_path / "model", fill_with("one"))
    verify_folder(tmp_path / "model")
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == [MANIFEST, "weights"]


def test_an_existing_folder_is_kept_unless_overwrite(tmp_path):
    write_folder(tmp_path / "model", fill_with("one"))
    with pytest.raises(ModelFolderError, match="--overwrite"):
        write_folder(tmp_path / "model", fill_with("two"))
    assert (tmp_path / "model" / "weights").read_text() == "one"
    write_folder(tmp_path / "model", fill_with("two"), overwrite=True)
    assert (tmp_path / "model" / "weights").read_text() == "two"
    assert names(tmp_path) == ["model"]


def test_a_foreign_folder_is_never_overwritten(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(ModelFolderError, match="never overwritten"):
        write_folder(tmp_path / "photos", fill_with("two"), overwrite=True)


def failing(monkeypatch, call, error):
    """Let the `call`-th fsync fail; the number of calls that were made."""
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == call:
            raise error

    monkeypatch.setattr(os, "fsync", fsync)
    return calls


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_full_disk_leaves_the_previous_folder(tmp_path, monkeypatch, call):
    write_folder(tmp_path / "model", fill_with("one"))
    failing(monkeypatch, call, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(ModelFolderError, match=r"No space left on device; 3 bytes are needed, [\d,]+ are free"):
        write_folder(tmp_path / "model", fill_with("two"), overwrite=True)
    verify_folder(tmp_path / "model")
    assert (tmp_path / "model" / "weights").read_text() == "one"
    assert names(tmp_path) == ["model"]


def test_too_little_room_is_seen_before_anything_is_written(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2))
    with pytest.raises(ModelFolderError, match="the disk is full; 3 bytes are needed, 2 are free"):
        write_folder(tmp_path / "model", fill_with("two"))
    assert names(tmp_path) == []


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    failing(monkeypatch, 1, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "model", fill_with("one"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["model", "model[1]*"])
def test_what_a_killed_writer_left_is_removed(tmp_path, name):
    (tmp_path / f".{name}.building.abcd_123").mkdir()
    (tmp_path / f".{name}.building.abcd_123" / "weights").write_text("half")
    write_folder(tmp_path / name, fill_with("one"))
    assert names(tmp_path) == [name]


def test_what_a_writer_of_a_similar_name_is_building_stays(tmp_path):
    write_folder(tmp_path / ".model.previous.building.abcd_123", fill_with("one"))
    folders.remove_leftovers(tmp_path / "model")
    assert names(tmp_path) == [".model.previous.building.abcd_123"]


def test_through_a_link_the_folder_behind_it_is_replaced(tmp_path):
    write_folder(tmp_path / "real", fill_with("one"))
    (tmp_path / "current").symlink_to("real")
    write_folder(tmp_path / "current", fill_with("two"), overwrite=True)
    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "real" / "weights").read_text() == "two"
    assert names(tmp_path) == ["current", "real"]


def test_a_lock_that_is_a_link_harms_nothing(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    (tmp_path / ".model.lock").symlink_to("letter.txt")
    with pytest.raises(ModelFolderError, match="model cannot be locked"):
        write_folder(tmp_path / "model", fill_with("one"))
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_a_full_disk_has_no_room_for_the_owners_name(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    write_folder(tmp_path / "model", fill_with("one"))
    assert names(tmp_path) == ["model"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(ModelFolderError, match=r"run cannot be made: File exists; of bytes, [\d,]+ are free"):
        folders.make_folder(tmp_path / "run")


def test_a_writer_killed_between_two_renames_is_undone(tmp_path, monkeypatch):
    """On a file system that cannot exchange two folders at once."""
    monkeypatch.setattr(folders, "_exchanged", lambda *_: False)
    write_folder(tmp_path / "model", fill_with("one"))
    write_folder(tmp_path / "model", fill_with("two"), overwrite=True)
    (tmp_path / "model").rename(tmp_path / ".model.previous.abcd_123")
    folders.remove_leftovers(tmp_path / "model")
    assert (tmp_path / "model" / "weights").read_text() == "two"
    assert names(tmp_path) == ["model"]


def test_a_removed_folder_does_not_come_back(tmp_path, monkeypatch):
    write_folder(tmp_path / "model", fill_with("one"))
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    folders.remove_folder(tmp_path / "model")
    monkeypatch.undo()
    folders.remove_leftovers(tmp_path / "model")
    assert names(tmp_path) == []


def test_another_process_that_writes_it(tmp_path):
    code = f"""
from pathlib import Path
from textgraft.storage.locks import locked
with locked(Path({str(tmp_path / "model")!r})):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=f"in use by process {other.pid} on .* since"):
            write_folder(tmp_path / "model", fill_with("one"))
        other.kill()  # and its lock is gone with it
        other.wait()
    write_folder(tmp_path / "model", fill_with("one"))
    assert names(tmp_path) == ["model"]


def test_missing_parent(tmp_path):
    with pytest.raises(ModelFolderError, match="make it first"):
        write_folder(tmp_path / "no" / "model", fill_with("one"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: (folder / "weights").write_text("two"), "altered"),
        (lambda folder: (folder / "weights").unlink(), "missing"),
        (lambda folder: (folder / "code.py").write_text("print()"), "not listed"),
        (lambda folder: (folder / MANIFEST).unlink(), "no model folder"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "no model folder"),
    ],
)
def test_harm_is_seen(tmp_path, harm, message):
    write_folder(tmp_path / "model", fill_with("one"))
    harm(tmp_path / "model")
    with pytest.raises(ModelFolderError, match=message):
        verify_folder(tmp_path / "model")
