"""Folders are there whole or not at all."""

import errno

import pytest

from textgraft.artifact.storage import MANIFEST, write_folder
from textgraft.artifact.verification import verify_folder
from textgraft.errors import ModelFolderError


def fill_with(content):
    return lambda folder: (folder / "weights").write_text(content)


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


def test_a_full_disk_leaves_the_previous_folder(tmp_path):
    write_folder(tmp_path / "model", fill_with("one"))

    def full(folder):
        (folder / "weights").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelFolderError, match=r"No space left on device \([\d,]+ bytes are free\)"):
        write_folder(tmp_path / "model", full, overwrite=True)
    verify_folder(tmp_path / "model")
    assert (tmp_path / "model" / "weights").read_text() == "one"
    assert names(tmp_path) == ["model"]


def test_an_interrupt_leaves_nothing(tmp_path):
    def interrupted(folder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_folder(tmp_path / "model", interrupted)
    assert names(tmp_path) == []


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
