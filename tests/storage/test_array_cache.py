"""The array cache returns what was stored, evicts the least recently used entries and drops damaged ones."""

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


def test_stored_arrays_are_returned(cache):
    assert cache.get(A) is None
    others = np.array([True, False])
    assert cache.put(A, [VALUES, others, np.empty(0, np.int32)]) is None
    for array, expected in zip(cache.get(A), [VALUES, others, np.empty(0, np.int32)], strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    assert cache.get(B) is None
    assert cache.size > VALUES.nbytes


def test_least_recently_used_entries_are_evicted(cache):
    for seconds, key in enumerate((A, B, C)):
        cache.put(key, [VALUES])
        os.utime(cache.folder / key, (seconds, seconds))
    cache.get(A)  # used just now
    cache.put(D, [np.zeros(150, np.float32)])
    assert [entry.name for entry in cache.entries] == [A, D]
    assert cache.size <= cache.limit + 300  # the manifest's bytes


def test_arrays_above_the_limit_are_not_stored(cache):
    cache.put(A, [np.zeros(300, np.float32)])
    assert cache.entries == []


def test_damaged_entry_is_dropped(cache):
    cache.put(A, [VALUES])
    file = cache.folder / A / "0.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert cache.get(A) is None
    cache.put(A, [VALUES])
    np.testing.assert_array_equal(cache.get(A)[0], VALUES)


def test_entry_removed_by_another_process_is_absent(cache, monkeypatch):
    cache.put(A, [VALUES])
    monkeypatch.setattr("textgraft.storage.array_cache.verify_folder", shutil.rmtree)
    assert cache.get(A) is None


def test_entry_of_another_user_is_absent_and_stays(cache, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    cache.put(A, [VALUES])
    with monkeypatch.context() as patched:
        patched.setattr("textgraft.storage.array_cache.Path.is_dir", refused)
        assert cache.get(A) is None
    np.testing.assert_array_equal(cache.get(A)[0], VALUES)


def test_unwritable_cache_returns_a_warning(tmp_path):
    (tmp_path / "file").write_text("")
    warning = ArrayCache(tmp_path / "file" / "arrays", limit=1000).put(A, [VALUES])
    assert warning.startswith("not cached for later runs: ")


def test_clear_keeps_files_of_others(cache):
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


def test_folder_and_limit_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path))
    monkeypatch.setenv("TEXTGRAFT_CACHE_GIB", "0.5")
    assert ArrayCache.from_environment() == ArrayCache(tmp_path / "arrays", 1 << 29)
    monkeypatch.setenv("TEXTGRAFT_CACHE_GIB", "much")
    with pytest.raises(ConfigError, match="TEXTGRAFT_CACHE_GIB must be a number of GiB, not 'much'"):
        ArrayCache.from_environment()
