"""Output files: what interrupted runs leave beside them, and a trial before long work."""

import errno
import fcntl

import pytest
from tools.faults import Faults

from textgraft.cli.output.files import require_output
from textgraft.errors import DataError


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
