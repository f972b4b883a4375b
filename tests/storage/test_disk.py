"""Errors of the disk are one line with advice."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from textgraft.errors import ConfigError
from textgraft.storage.disk import disk_errors, free_bytes, reason_of


def test_full_disk_names_the_needed_and_the_free_bytes(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2000))
    error = OSError(errno.ENOSPC, "No space left on device")
    advice = "2,000 bytes are free: free disk space or choose another location"
    assert reason_of(error, tmp_path / "model") == f"No space left on device; {advice}"
    assert reason_of(error, tmp_path / "model", 3000) == f"No space left on device; 3,000 bytes are needed, {advice}"


@pytest.mark.parametrize("total", [0, None])
def test_free_space_that_the_disk_does_not_tell_is_unknown(tmp_path, monkeypatch, total):
    """Some FUSE file systems report a size of 0."""
    usage = shutil.disk_usage(tmp_path)

    def disk_usage(path):
        if total is None:
            raise OSError(errno.ENOSYS, "Function not implemented")
        return usage._replace(total=total, free=0)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    assert free_bytes(tmp_path / "model") is None
    error = OSError(errno.ENOSPC, "No space left on device")
    assert reason_of(error, tmp_path) == "No space left on device; free disk space or choose another location"


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ELOOP, "remove the symbolic link /data/.model.lock"),
        (errno.ENAMETOOLONG, "choose a shorter name"),
        (errno.EPERM, "check the permissions of /data/model and of the folder it is in"),
        (errno.EXDEV, "choose another location"),
    ],
)
def test_error_has_its_own_advice(code, advice):
    error = OSError(code, os.strerror(code), "/data/.model.lock")
    with pytest.raises(ConfigError) as raised, disk_errors("lock", Path("/data/model"), kind=ConfigError):
        raise error
    assert str(raised.value) == f"cannot lock /data/model: {os.strerror(code)}; {advice}"


def test_error_of_a_library_has_its_first_line(tmp_path):
    assert reason_of(OSError("no such codec\nat line 3"), tmp_path) == "no such codec"
