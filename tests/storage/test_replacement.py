"""Interrupted replacements of folders are finished, and temporary folders of dead writers are removed."""

import errno
import os
import re
import shutil
import subprocess
import sys

import pytest
from tools.faults import Faults

from textgraft.errors import BusyError, ModelFolderError
from textgraft.storage import exchange, folders, replacement
from textgraft.storage.folders import write_folder
from textgraft.storage.replacement import recover, recover_to_read, remove_leftovers
from textgraft.storage.verification import verify_folder

PREVIOUS, BUILDING = ".model.previous.abcd0123", ".model.building.abcd0123"
OLD, NEW = {"weights": [b"old"]}, {"weights": [b"new"]}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def no_exchange(monkeypatch):
    def unsupported(first, second):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(exchange, "exchange_names", unsupported)


@pytest.fixture
def interrupted(tmp_path):
    """A model whose writer was killed between two renames."""
    write_folder(tmp_path / PREVIOUS, OLD)
    return tmp_path / "model"


@pytest.mark.parametrize("name", ["model", "model[1]*"])
def test_leftovers_of_a_killed_writer_are_removed(tmp_path, name):
    (tmp_path / f".{name}.building.abcd0123").mkdir()
    (tmp_path / f".{name}.building.abcd0123" / "weights").write_text("half")
    write_folder(tmp_path / name, NEW)
    assert names(tmp_path) == [name]


def test_leftovers_of_a_similar_name_stay(tmp_path):
    write_folder(tmp_path / ".model.previous.building.abcd0123", NEW)
    remove_leftovers(tmp_path / "model")
    assert names(tmp_path) == [".model.previous.building.abcd0123"]


def test_interrupted_removal_is_completed(tmp_path, monkeypatch):
    write_folder(tmp_path / "model", NEW)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    folders.remove_folder(tmp_path / "model")
    monkeypatch.undo()
    remove_leftovers(tmp_path / "model")
    assert names(tmp_path) == []


@pytest.mark.usefixtures("no_exchange")
def test_folder_is_replaced_without_an_exchange(tmp_path):
    write_folder(tmp_path / "model", OLD)
    write_folder(tmp_path / "model", NEW, overwrite=True)
    assert (tmp_path / "model" / "weights").read_text() == "new"
    assert names(tmp_path) == ["model"]


def test_failed_exchange_is_an_error(tmp_path, monkeypatch):
    def refused(first, second):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    write_folder(tmp_path / "model", OLD)
    monkeypatch.setattr(exchange, "exchange_names", refused)
    with pytest.raises(ModelFolderError, match="Operation not permitted; check the permissions"):
        write_folder(tmp_path / "model", NEW, overwrite=True)
    assert (tmp_path / "model" / "weights").read_text() == "old"
    assert names(tmp_path) == ["model"]


@pytest.mark.usefixtures("no_exchange")
def test_interrupt_between_two_renames_puts_the_old_folder_back(tmp_path, monkeypatch):
    def rename(source, target):
        renamed.append(source)
        if len(renamed) == 2:
            raise KeyboardInterrupt
        rename_really(source, target)

    write_folder(tmp_path / "model", OLD)
    renamed, rename_really = [], os.rename
    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "model", NEW, overwrite=True)
    assert (tmp_path / "model" / "weights").read_text() == "old"
    assert names(tmp_path) == ["model"]


@pytest.mark.usefixtures("no_exchange")
@pytest.mark.parametrize("rename", [0, 1])
def test_rename_that_took_effect_in_spite_of_its_error_succeeds(tmp_path, rename):
    """As on a network file system that sends a request again."""
    write_folder(tmp_path / "model", OLD)
    renames = []

    def fails(index, name, _):
        renames.extend([index] * (name == "rename"))
        return name == "rename" and len(renames) == rename + 1

    with Faults(tmp_path, errno.ENOENT, fails, late=True).injected():
        write_folder(tmp_path / "model", NEW, overwrite=True)
    assert len(renames) == 2
    assert (tmp_path / "model" / "weights").read_text() == "new"
    assert names(tmp_path) == ["model"]


def test_reader_finishes_an_interrupted_replacement(interrupted):
    recover_to_read(interrupted)
    verify_folder(interrupted)
    assert names(interrupted.parent) == ["model"]


def test_reader_follows_a_link_to_an_interrupted_replacement(interrupted):
    link = interrupted.with_name("current")
    link.symlink_to("model")
    recover_to_read(link)
    verify_folder(link)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "missing/model"])
def test_name_that_no_folder_can_have_is_left_to_its_reader(tmp_path, name):
    recover_to_read(tmp_path / name)


def test_newest_previous_folder_is_restored(interrupted):
    write_folder(interrupted.with_name(".model.previous.00000000"), NEW)
    os.utime(interrupted.with_name(PREVIOUS) / "manifest.json", (1, 1))
    recover(interrupted)
    assert (interrupted / "weights").read_text() == "new"


def test_writer_restores_before_it_asks_whether_the_target_exists(interrupted):
    with pytest.raises(ModelFolderError, match="already exists"):
        folders.require_writable(interrupted, overwrite=False)
    assert (interrupted / "weights").read_text() == "old"


def test_reader_of_a_read_only_disk_is_told_the_previous_folder(interrupted):
    faults = Faults(interrupted.parent, errno.EROFS, lambda index, name, _: name == "create")
    message = (
        f"{re.escape(str(interrupted))} is missing, since .* rename {re.escape(str(interrupted.parent))}.*{PREVIOUS}"
    )
    with faults.injected(), pytest.raises(ModelFolderError, match=message):
        recover_to_read(interrupted)
    assert names(interrupted.parent) == [PREVIOUS]


def test_previous_folder_of_another_user_is_named_to_readers_only(interrupted, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    recover(interrupted)
    with pytest.raises(ModelFolderError, match=f"rename .*{PREVIOUS}"):
        recover_to_read(interrupted)
    assert names(interrupted.parent) == [PREVIOUS]


def test_reader_waits_for_a_living_writer(interrupted, monkeypatch):
    code = f"""
import time
from pathlib import Path
from textgraft.storage.locks import locked
target = Path({str(interrupted)!r})
with locked(target):
    print("held", flush=True)
    time.sleep(float(input()))
    target.with_name({PREVIOUS!r}).rename(target)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, text=True) as writer:
        assert writer.stdout.readline() == "held\n"
        monkeypatch.setattr(replacement, "_PATIENCE_SECONDS", 0.0)
        with pytest.raises(BusyError, match=f"in use by process {writer.pid}"):
            recover_to_read(interrupted)
        monkeypatch.setattr(replacement, "_PATIENCE_SECONDS", 60.0)
        writer.stdin.write("0.1\n")
        writer.stdin.flush()
        recover_to_read(interrupted)
        verify_folder(interrupted)


def plant_link(path):
    write_folder(path.with_name("elsewhere"), OLD)
    path.symlink_to("elsewhere")


def plant_file(path):
    path.write_text("letter")


def plant_subfolder(path):
    write_folder(path, OLD)
    (path / "photos").mkdir()


@pytest.mark.parametrize("plant", [plant_link, plant_file, plant_subfolder])
@pytest.mark.parametrize("name", [PREVIOUS, BUILDING, ".model.removed.abcd0123"])
def test_planted_names_are_neither_restored_nor_removed(tmp_path, plant, name):
    plant(tmp_path / name)
    planted = names(tmp_path)
    recover_to_read(tmp_path / "model")
    remove_leftovers(tmp_path / "model")
    assert names(tmp_path) == planted
    write_folder(tmp_path / "model", NEW)
    assert names(tmp_path) == sorted([*planted, "model"])
    if plant is plant_link:
        verify_folder(tmp_path / "elsewhere")


@pytest.mark.parametrize("damage", ["manifest.json", "weights"])
def test_damaged_previous_folder_is_not_restored(interrupted, damage):
    previous = interrupted.with_name(PREVIOUS)
    (previous / damage).write_text("{}")
    recover_to_read(interrupted)
    remove_leftovers(interrupted)
    assert names(interrupted.parent) == [PREVIOUS]  # all that the user has
    write_folder(interrupted, NEW)
    remove_leftovers(interrupted)
    assert names(interrupted.parent) == ["model"]


def test_folder_without_content_is_not_restored(tmp_path):
    (tmp_path / PREVIOUS).mkdir()
    recover_to_read(tmp_path / "model")
    write_folder(tmp_path / "model", NEW)
    remove_leftovers(tmp_path / "model")
    assert names(tmp_path) == ["model"]
