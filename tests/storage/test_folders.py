"""Folders are written atomically, locked and verified."""

import errno
import os
import shutil

import pytest

from textgraft.errors import ModelFolderError
from textgraft.storage import folders
from textgraft.storage.folders import write_folder
from textgraft.storage.verification import MANIFEST, verify_folder


def content(text):
    return {"weights": [text.encode()]}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_folder_is_complete_and_nothing_is_left_beside_it(tmp_path):
    write_folder(tmp_path / "model", content("one"))
    verify_folder(tmp_path / "model")
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == [MANIFEST, "weights"]


def test_existing_folder_is_replaced_only_with_overwrite(tmp_path):
    write_folder(tmp_path / "model", content("one"))
    with pytest.raises(ModelFolderError, match="set overwrite"):
        write_folder(tmp_path / "model", content("two"))
    assert (tmp_path / "model" / "weights").read_text() == "one"
    write_folder(tmp_path / "model", content("two"), overwrite=True)
    assert (tmp_path / "model" / "weights").read_text() == "two"
    assert names(tmp_path) == ["model"]


def test_folder_without_manifest_is_never_overwritten(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(ModelFolderError, match="never overwritten"):
        write_folder(tmp_path / "photos", content("two"), overwrite=True)


def fail_fsync(monkeypatch, call, error):
    """Make the `call`-th fsync raise an error."""
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == call:
            raise error

    monkeypatch.setattr(os, "fsync", fsync)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_full_disk_leaves_the_previous_folder(tmp_path, monkeypatch, call):
    write_folder(tmp_path / "model", content("one"))
    fail_fsync(monkeypatch, call, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(ModelFolderError, match=r"No space left on device; 3 bytes are needed, [\d,]+ bytes are free"):
        write_folder(tmp_path / "model", content("two"), overwrite=True)
    verify_folder(tmp_path / "model")
    assert (tmp_path / "model" / "weights").read_text() == "one"
    assert names(tmp_path) == ["model"]


def test_insufficient_disk_space_is_reported_before_writing(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2))
    with pytest.raises(ModelFolderError, match="No space left on device; 3 bytes are needed, 2 bytes are free"):
        write_folder(tmp_path / "model", content("two"))
    assert names(tmp_path) == []


def test_interrupt_leaves_nothing(tmp_path, monkeypatch):
    fail_fsync(monkeypatch, 1, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "model", content("one"))
    assert names(tmp_path) == []


def test_target_of_a_link_is_replaced(tmp_path):
    write_folder(tmp_path / "real", content("one"))
    (tmp_path / "current").symlink_to("real")
    write_folder(tmp_path / "current", content("two"), overwrite=True)
    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "real" / "weights").read_text() == "two"
    assert names(tmp_path) == ["current", "real"]


def test_folder_that_cannot_be_created_is_reported(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(ModelFolderError, match=r"cannot create .*run: File exists; move it away"):
        folders.make_folder(tmp_path / "run")


def interrupt_first_removal(monkeypatch):
    rmtree, calls = shutil.rmtree, []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        rmtree(*arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", interrupted)


def test_trial_that_a_signal_interrupts_leaves_nothing(tmp_path, monkeypatch):
    interrupt_first_removal(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        folders.require_writable(tmp_path / "model", overwrite=False)
    assert names(tmp_path) == []


def test_removal_that_a_signal_interrupts_is_completed(tmp_path, monkeypatch):
    write_folder(tmp_path / "model", content("one"))
    interrupt_first_removal(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "model", content("two"), overwrite=True)
    verify_folder(tmp_path / "model")
    assert names(tmp_path) == ["model"]


def test_failed_removal_leaves_nothing_beside_the_folder(tmp_path, monkeypatch):
    def busy(*_):
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    write_folder(tmp_path / "model", content("one"))
    monkeypatch.setattr("pathlib.Path.rename", busy)
    with pytest.raises(ModelFolderError, match=r"cannot remove .*model: Device or resource busy"):
        folders.remove_folder(tmp_path / "model")
    assert names(tmp_path) == ["model"]


def test_missing_parent_is_reported(tmp_path):
    with pytest.raises(ModelFolderError, match="create it first"):
        write_folder(tmp_path / "no" / "model", content("one"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "weights").write_text("two"), "altered"),
        (lambda folder: (folder / "weights").unlink(), "missing"),
        (lambda folder: (folder / "code.py").write_text("print()"), "not listed"),
        (lambda folder: (folder / MANIFEST).unlink(), "not a model folder"),
        (lambda folder: (folder / MANIFEST).write_text("[]"), "not a model folder"),
    ],
)
def test_damaged_folder_is_refused(tmp_path, damage, message):
    write_folder(tmp_path / "model", content("one"))
    damage(tmp_path / "model")
    with pytest.raises(ModelFolderError, match=message):
        verify_folder(tmp_path / "model")


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "desktop.ini", ".gitattributes", ".git", ".ipynb_checkpoints"]
)
def test_files_of_other_programs_are_tolerated(tmp_path, name):
    write_folder(tmp_path / "model", content("one"))
    other = tmp_path / "model" / name
    other.mkdir() if name in (".git", ".ipynb_checkpoints") else other.touch()
    verify_folder(tmp_path / "model")


def test_edited_readme_is_tolerated_and_other_files_are_not(tmp_path):
    write_folder(tmp_path / "model", {**content("one"), "README.md": [b"card"]})
    (tmp_path / "model" / "README.md").write_text("card, edited")
    verify_folder(tmp_path / "model")
    (tmp_path / "model" / "README.md").unlink()
    with pytest.raises(ModelFolderError, match=r"README.md is missing"):
        verify_folder(tmp_path / "model")


def test_pointer_of_git_lfs_is_named(tmp_path):
    write_folder(tmp_path / "model", content("one"))
    (tmp_path / "model" / "weights").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    with pytest.raises(ModelFolderError, match=r"weights is a pointer of Git LFS.*git lfs pull"):
        verify_folder(tmp_path / "model")


def test_overwriting_deletes_nothing_of_the_user(tmp_path):
    target = tmp_path / "model"
    write_folder(target, {**content("one"), "README.md": [b"card"]})
    (target / ".DS_Store").touch()
    write_folder(target, {**content("two"), "README.md": [b"card"]}, overwrite=True)
    (target / "README.md").write_text("card, edited")
    (target / ".git").mkdir()
    with pytest.raises(ModelFolderError, match=r"also has .git, an edited README.md, which overwriting would delete"):
        write_folder(target, content("three"), overwrite=True)
    assert (target / "weights").read_text() == "two"
