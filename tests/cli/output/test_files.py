"""Output files: what interrupted runs leave beside them, links and pipes, and a trial before long work."""

import errno
import fcntl
import io
import os

import pytest
from tools.faults import Faults

from textgraft.cli.output.files import open_output, require_output
from textgraft.errors import DataError


class _Bytes:
    def __init__(self, file: io.BufferedIOBase) -> None:
        self.write = file.write

    def close(self) -> None:
        """The file is closed by its owner."""


_FORMATS = {".csv": _Bytes}


@pytest.fixture
def leftover(tmp_path):
    file = tmp_path / ".predictions.csv.building.0a1b2c3d"
    file.write_text("text,label\na")
    return file


def test_part_of_an_interrupted_run_is_removed_and_reported(tmp_path, leftover, capsys):
    others = [".predictions.csv.original", ".predictions.csv.building.original", ".other.csv.building.0a1b2c3d"]
    for name in others:
        (tmp_path / name).touch()
    require_output(tmp_path / "predictions.csv", [".csv"], overwrite=False)
    assert "predictions.csv: an earlier run was interrupted; starting over" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_part_of_a_run_in_progress_stays(tmp_path, leftover, capsys):
    with leftover.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        require_output(tmp_path / "predictions.csv", [".csv"], overwrite=False)
    assert leftover.exists()
    assert not capsys.readouterr().err


def test_output_that_cannot_be_written_is_refused_before_long_work(tmp_path):
    faults = Faults(tmp_path, errno.EIO, lambda index, name, _: name == "fsync")
    with faults.injected(), pytest.raises(DataError, match=r"cannot write .*out\.csv: Input/output error; the disk"):
        require_output(tmp_path / "out.csv", [".csv"], overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_link_stays_and_its_file_is_replaced(tmp_path):
    file, link = tmp_path / "predictions.csv", tmp_path / "latest.csv"
    link.symlink_to(file.name)
    file.write_text("old")
    with pytest.raises(DataError, match=r"latest\.csv exists already"):
        require_output(link, _FORMATS, overwrite=False)
    require_output(link, _FORMATS, overwrite=True)
    with open_output(link, _FORMATS, True) as rows:
        rows.write(b"new")
    assert link.is_symlink()
    assert file.read_text() == "new"


@pytest.mark.parametrize("through_link", [False, True])
@pytest.mark.parametrize("overwrite", [False, True])
def test_pipe_is_not_replaced(tmp_path, overwrite, through_link):
    path = pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    if through_link:
        path = tmp_path / "link.csv"
        path.symlink_to(pipe)
    with pytest.raises(DataError, match="is not a regular file" if overwrite else "exists already"):
        require_output(path, _FORMATS, overwrite)
    assert pipe.is_fifo()


@pytest.mark.parametrize("overwrite", [False, True])
def test_link_to_itself_is_not_replaced(tmp_path, overwrite):
    link = tmp_path / "loop.csv"
    link.symlink_to(link)
    with pytest.raises(DataError, match="is not a regular file" if overwrite else "exists already"):
        require_output(link, _FORMATS, overwrite)
    assert link.is_symlink()


def test_link_to_a_missing_folder_is_refused(tmp_path):
    link = tmp_path / "link.csv"
    link.symlink_to("missing/predictions.csv")
    with pytest.raises(DataError, match="missing is not a folder; create it first"):
        require_output(link, _FORMATS, overwrite=False)
