"""The cache of arrays: what comes back, what goes first, what a damaged entry does."""

import os
import shutil

import numpy as np
import pytest

from textgraft.artifact.cache import ArrayCache
from textgraft.errors import ConfigError

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def cache(tmp_path):
    return ArrayCache(tmp_path / "arrays", limit=1000)


def test_what_was_put_comes_back(cache):
    assert cache.get("a") is None
    others = np.array([True, False])
    assert cache.put("a", [VALUES, others, np.empty(0, np.int32)]) is None
    for found, expected in zip(cache.get("a"), [VALUES, others, np.empty(0, np.int32)], strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    assert cache.get("b") is None
    assert cache.size > VALUES.nbytes


def test_what_was_used_longest_ago_goes_first(cache):
    for number, key in enumerate("abc"):
        cache.put(key, [VALUES])
        os.utime(cache.folder / key, (number, number))
    cache.get("a")  # used just now
    cache.put("d", [np.zeros(150, np.float32)])
    assert [entry.name for entry in cache.entries] == ["a", "d"]
    assert cache.size <= cache.limit + 300  # the manifest's bytes


def test_what_is_larger_than_the_limit_is_not_kept(cache):
    cache.put("a", [np.zeros(300, np.float32)])
    assert cache.entries == []


def test_a_damaged_entry_is_as_good_as_none(cache):
    cache.put("a", [VALUES])
    file = cache.folder / "a" / "0.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert cache.get("a") is None
    cache.put("a", [VALUES])
    np.testing.assert_array_equal(cache.get("a")[0], VALUES)


def test_an_entry_that_another_process_removes_meanwhile_is_as_good_as_none(cache, monkeypatch):
    cache.put("a", [VALUES])
    monkeypatch.setattr("textgraft.artifact.cache.verify_folder", shutil.rmtree)
    assert cache.get("a") is None


def test_a_folder_that_another_user_keeps_is_as_good_as_none(cache, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    cache.put("a", [VALUES])
    with monkeypatch.context() as patched:
        patched.setattr("textgraft.artifact.cache.Path.is_dir", refused)
        assert cache.get("a") is None
    np.testing.assert_array_equal(cache.get("a")[0], VALUES)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    problem = ArrayCache(tmp_path / "file" / "arrays", limit=1000).put("a", [VALUES])
    assert problem.startswith("nothing is kept for later runs")


def test_the_users_folder_and_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path))
    monkeypatch.setenv("TEXTGRAFT_CACHE_GIB", "0.5")
    assert ArrayCache.of_user() == ArrayCache(tmp_path / "arrays", 1 << 29)
    monkeypatch.setenv("TEXTGRAFT_CACHE_GIB", "much")
    with pytest.raises(ConfigError, match="TEXTGRAFT_CACHE_GIB must be a number of GiB, not 'much'"):
        ArrayCache.of_user()
