"""The cache of arrays: what comes back, what goes first, what a damaged entry does."""

import os
import shutil

import numpy as np
import pytest

from textgraft.errors import ConfigError
from textgraft.storage.array_cache import ArrayCache

A, B, C, D = (digit * 64 for digit in "abcd")
VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)


@pytest.fixture
def cache(tmp_path):
    return ArrayCache(tmp_path / "arrays", limit=1000)


def test_what_was_put_comes_back(cache):
    assert cache.get(A) is None
    others = np.array([True, False])
    assert cache.put(A, [VALUES, others, np.empty(0, np.int32)]) is None
    for found, expected in zip(cache.get(A), [VALUES, others, np.empty(0, np.int32)], strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    assert cache.get(B) is None
    assert cache.size > VALUES.nbytes


def test_what_was_used_longest_ago_goes_first(cache):
    for number, key in enumerate((A, B, C)):
        cache.put(key, [VALUES])
        os.utime(cache.folder / key, (number, number))
    cache.get(A)  # used just now
    cache.put(D, [np.zeros(150, np.float32)])
    assert [entry.name for entry in cache.entries] == [A, D]
    assert cache.size <= cache.limit + 300  # the manifest's bytes


def test_what_is_larger_than_the_limit_is_not_kept(cache):
    cache.put(A, [np.zeros(300, np.float32)])
    assert cache.entries == []


def test_a_damaged_entry_is_as_good_as_none(cache):
    cache.put(A, [VALUES])
    file = cache.folder / A / "0.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert cache.get(A) is None
    cache.put(A, [VALUES])
    np.testing.assert_array_equal(cache.get(A)[0], VALUES)


def test_an_entry_that_another_process_removes_meanwhile_is_as_good_as_none(cache, monkeypatch):
    cache.put(A, [VALUES])
    monkeypatch.setattr("textgraft.storage.array_cache.verify_folder", shutil.rmtree)
    assert cache.get(A) is None


def test_a_folder_that_another_user_keeps_is_as_good_as_none(cache, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    cache.put(A, [VALUES])
    with monkeypatch.context() as patched:
        patched.setattr("textgraft.storage.array_cache.Path.is_dir", refused)
        assert cache.get(A) is None
    np.testing.assert_array_equal(cache.get(A)[0], VALUES)


def test_a_place_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    problem = ArrayCache(tmp_path / "file" / "arrays", limit=1000).put(A, [VALUES])
    assert problem.startswith("nothing is kept for later runs")


def test_what_others_put_there_stays(cache):
    (cache.folder / "mine").mkdir(parents=True)
    (cache.folder / "mine" / "letter.txt").write_text("x" * 2000)
    cache.put(A, [VALUES])
    cache.put(B, [VALUES])
    assert len(cache.entries) == 2
    (cache.folder / f".{C}.building.abcdefgh").mkdir()
    cache.clear()
    assert [path.name for path in cache.folder.iterdir()] == ["mine"]
    shutil.rmtree(cache.folder / "mine")
    cache.clear()
    assert not cache.folder.exists()


def test_the_users_folder_and_limit(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path))
    monkeypatch.setenv("TEXTGRAFT_CACHE_GIB", "0.5")
    assert ArrayCache.of_user() == ArrayCache(tmp_path / "arrays", 1 << 29)
    monkeypatch.setenv("TEXTGRAFT_CACHE_GIB", "much")
    with pytest.raises(ConfigError, match="TEXTGRAFT_CACHE_GIB must be a number of GiB, not 'much'"):
        ArrayCache.of_user()
