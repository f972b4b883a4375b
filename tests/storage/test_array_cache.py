"""The array cache returns what was stored, evicts the least recently used entries and ignores what others planted."""

import hashlib
import io
import json
import os
import pickle
import shutil
import tracemalloc

import numpy as np
import pytest

from textgraft.errors import ConfigError
from textgraft.storage.array_cache import ArrayCache, ArraySpec
from textgraft.storage.verification import read_manifest

A, B, C, D = (digit * 64 for digit in "abcd")
VALUES = np.arange(12, dtype=np.float32).reshape(4, 3)
SPECS = [ArraySpec("float32", (4, 3))]

# Token ids of two texts, and their number of tokens.
IDS = [np.array([5, 6, 7], np.int32), np.array([1, 2], np.int64)]
ID_SPECS = [ArraySpec("int32", (None,), below=8), ArraySpec("int64", (None,), counts=0)]


@pytest.fixture
def cache(tmp_path):
    return ArrayCache(tmp_path / "arrays", limit=1000)


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(descr="'<f4'", order="False", shape="(4, 3)", length=None, version=b"\x01\x00"):
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117) + "\n"
    length = len(text) if length is None else length
    return b"\x93NUMPY" + version + length.to_bytes(2 if version == b"\x01\x00" else 4, "little") + text.encode()


def plant(entry, *files, manifest=None):
    """An entry with these files, whose hashes are right."""
    entry.mkdir(parents=True)
    entry.parent.chmod(0o700)
    contents = {f"{index}.npy": content for index, content in enumerate(files)}
    for name, content in contents.items():
        (entry / name).write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    (entry / "manifest.json").write_text(manifest or json.dumps({"sha256": digests}))


def test_stored_arrays_are_returned(cache):
    specs = [*SPECS, ArraySpec("bool", (2,)), ArraySpec("int32", (None,))]
    assert cache.get(A, specs) is None
    others = np.array([True, False])
    assert cache.put(A, [VALUES, others, np.empty(0, np.int32)]) is None
    for array, expected in zip(cache.get(A, specs), [VALUES, others, np.empty(0, np.int32)], strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    assert cache.get(B, specs) is None
    assert cache.size > VALUES.nbytes


def test_columns_are_stored_in_the_order_of_rows(cache):
    cache.put(A, [np.asfortranarray(VALUES)])
    np.testing.assert_array_equal(cache.get(A, SPECS)[0], VALUES)
    np.testing.assert_array_equal(np.load(cache.folder / A / "0.npy"), VALUES)


def test_least_recently_used_entries_are_evicted(cache):
    for seconds, key in enumerate((A, B, C)):
        cache.put(key, [VALUES])
        os.utime(cache.folder / key, (seconds, seconds))
    cache.get(A, SPECS)  # used just now
    cache.put(D, [np.zeros(150, np.float32)])
    assert [entry.name for entry in cache.entries] == [A, D]
    assert cache.size <= cache.limit + 300  # the manifest's bytes


def test_arrays_above_the_limit_are_not_stored(cache):
    cache.put(A, [np.zeros(300, np.float32)])
    assert cache.entries == []


def test_entry_removed_by_another_process_is_absent(cache, monkeypatch):
    def remove(entry):
        digests = read_manifest(entry)
        shutil.rmtree(entry)
        return digests

    cache.put(A, [VALUES])
    monkeypatch.setattr("textgraft.storage.array_cache.read_manifest", remove)
    assert cache.get(A, SPECS) is None


# === Planted entries ===
def large_and_sparse(entry):
    size = 1 << 40
    plant(entry, header(shape=f"({size // 12}, 3)"))
    os.truncate(entry / "0.npy", size)


def linked_file(entry):
    plant(entry, npy(VALUES))
    outside = entry.parent.parent / "outside"
    outside.mkdir()
    (entry / "0.npy").rename(outside / "0.npy")
    (entry / "0.npy").symlink_to(outside / "0.npy")


def pipe(entry):
    plant(entry, npy(VALUES))
    (entry / "0.npy").unlink()
    os.mkfifo(entry / "0.npy")


def folder_as_file(entry):
    plant(entry, npy(VALUES))
    (entry / "0.npy").unlink()
    (entry / "0.npy").mkdir()


def linked_entry(entry):
    plant(entry.parent.parent / "outside", npy(VALUES))
    entry.parent.mkdir(mode=0o700)
    entry.symlink_to(entry.parent.parent / "outside")


def dangling_entry(entry):
    entry.parent.mkdir(mode=0o700)
    entry.symlink_to(entry.parent.parent / "outside")


def file_as_entry(entry):
    entry.parent.mkdir(mode=0o700)
    entry.write_bytes(npy(VALUES))


def pipe_as_entry(entry):
    entry.parent.mkdir(mode=0o700)
    os.mkfifo(entry)


def extra_file(entry):
    plant(entry, npy(VALUES))
    (entry / "1.npy").write_bytes(npy(VALUES))


def altered_file(entry):
    plant(entry, npy(VALUES))
    (entry / "0.npy").write_bytes(npy(VALUES + 1))


def writable_entry(entry):
    plant(entry, npy(VALUES))
    entry.chmod(0o777)


def writable_file(entry):
    plant(entry, npy(VALUES))
    (entry / "0.npy").chmod(0o666)


def no_manifest(entry):
    plant(entry, npy(VALUES))
    (entry / "manifest.json").unlink()


DATA = VALUES.tobytes()
NAN, INFINITE = VALUES.copy(), VALUES.copy()
NAN[3, 2], INFINITE[0, 0] = np.nan, -np.inf
MISFITS = {
    "two arrays": lambda entry: plant(entry, npy(VALUES), npy(VALUES)),
    "no array": plant,
    "fewer rows": lambda entry: plant(entry, npy(VALUES[:3])),
    "more rows": lambda entry: plant(entry, npy(np.concatenate([VALUES, VALUES]))),
    "transposed": lambda entry: plant(entry, npy(np.ascontiguousarray(VALUES.T))),
    "column order": lambda entry: plant(entry, npy(np.asfortranarray(VALUES))),
    "flat": lambda entry: plant(entry, npy(VALUES.ravel())),
    "another type of the same size": lambda entry: plant(entry, npy(VALUES.view(np.int32))),
    "another type": lambda entry: plant(entry, npy(VALUES.astype(np.float64))),
    "big-endian": lambda entry: plant(entry, npy(VALUES.astype(">f4"))),
    "objects": lambda entry: plant(entry, header("'|O'") + pickle.dumps([1] * 12)),
    "records": lambda entry: plant(entry, header("[('a', '<f4')]") + DATA),
    "negative size": lambda entry: plant(entry, header(shape="(-4, -3)") + DATA),
    "no header": lambda entry: plant(entry, DATA),
    "a header of 1 GB": lambda entry: plant(entry, header(length=1 << 30, version=b"\x02\x00") + DATA),
    "a header that is no literal": lambda entry: plant(entry, header("exit()") + DATA),
    "shorter than its header says": lambda entry: plant(entry, (header() + DATA)[:-1]),
    "longer than its header says": lambda entry: plant(entry, header() + DATA + b"x"),
    "empty": lambda entry: plant(entry, b""),
    "large and sparse": large_and_sparse,
    "not a number": lambda entry: plant(entry, npy(NAN)),
    "infinite": lambda entry: plant(entry, npy(INFINITE)),
    "altered": altered_file,
    "another file": extra_file,
    "no manifest": no_manifest,
    "manifest of another type": lambda entry: plant(entry, npy(VALUES), manifest="[]"),
    "manifest of a path": lambda entry: plant(entry, npy(VALUES), manifest=json.dumps({"sha256": {"../0.npy": A}})),
    "linked file": linked_file,
    "pipe": pipe,
    "folder": folder_as_file,
    "linked entry": linked_entry,
    "dangling entry": dangling_entry,
    "file as entry": file_as_entry,
    "pipe as entry": pipe_as_entry,
    "writable entry": writable_entry,
    "writable file": writable_file,
}


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else None


def test_planted_entry_is_a_valid_one_otherwise(cache):
    plant(cache.folder / A, npy(VALUES))
    plant(cache.folder / B, header() + DATA)
    for key in (A, B):
        np.testing.assert_array_equal(cache.get(key, SPECS)[0], VALUES)


@pytest.mark.parametrize("misfit", MISFITS)
def test_misfit_is_absent_and_replaced(cache, tmp_path, misfit):
    MISFITS[misfit](cache.folder / A)
    outside = contents(tmp_path / "outside")
    tracemalloc.start()
    assert cache.get(A, SPECS) is None
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**21
    assert not os.path.lexists(cache.folder / A)
    assert cache.put(A, [VALUES]) is None
    np.testing.assert_array_equal(cache.get(A, SPECS)[0], VALUES)
    assert contents(tmp_path / "outside") == outside


@pytest.mark.parametrize("misfit", ["linked entry", "dangling entry", "file as entry", "pipe as entry", "another file"])
def test_misfit_is_replaced_without_being_read_first(cache, tmp_path, misfit):
    MISFITS[misfit](cache.folder / A)
    outside = contents(tmp_path / "outside")
    assert cache.put(A, [VALUES]) is None
    np.testing.assert_array_equal(cache.get(A, SPECS)[0], VALUES)
    assert contents(tmp_path / "outside") == outside


@pytest.mark.parametrize(
    ("ids", "lengths"),
    [
        ([5, 6, 8], [1, 2]),
        ([5, -1, 7], [1, 2]),
        ([5, 6, 7], [1, 1]),
        ([5, 6, 7], [2, 2]),
        ([5, 6, 7], [4, -1]),
        ([5, 6, 7], [2**62, 2**62, 2**62, 2**62 + 3]),  # their sum overflows to 3
    ],
)
def test_ids_outside_the_vocabulary_and_other_numbers_of_tokens_are_absent(cache, ids, lengths):
    cache.put(A, IDS)
    for array, expected in zip(cache.get(A, ID_SPECS), IDS, strict=True):
        np.testing.assert_array_equal(array, expected)
    cache.put(A, [np.array(ids, np.int32), np.array(lengths)])
    assert cache.get(A, ID_SPECS) is None


# === Other users ===
@pytest.fixture
def give_away():
    """A function that gives a file to another user."""
    if os.geteuid():
        pytest.skip("only root can give files to another user")
    return lambda path: os.chown(path, 65534, -1, follow_symlinks=False)


def test_entry_of_another_user_is_absent_and_stays(cache, give_away):
    cache.put(A, [VALUES])
    give_away(cache.folder / A)
    assert cache.get(A, SPECS) is None
    assert cache.put(A, [VALUES + 1]) == (
        f"not cached for later runs: {cache.folder / A} belongs to another user; remove it"
    )
    assert cache.entries == []
    cache.clear()
    np.testing.assert_array_equal(np.load(cache.folder / A / "0.npy"), VALUES)


def test_file_of_another_user_is_absent(cache, give_away):
    cache.put(A, [VALUES])
    give_away(cache.folder / A / "0.npy")
    assert cache.get(A, SPECS) is None


def test_folder_of_another_user_is_not_used(cache, give_away):
    cache.put(A, [VALUES])
    give_away(cache.folder)
    assert cache.get(A, SPECS) is None
    assert cache.put(B, [VALUES]).startswith(f"not cached for later runs: other users can write to {cache.folder};")
    assert [path.name for path in cache.folder.iterdir()] == [A]


def test_folder_that_others_can_write_is_not_used(cache):
    cache.put(A, [VALUES])
    cache.folder.chmod(0o777)
    assert cache.get(A, SPECS) is None
    assert cache.put(B, [VALUES]) == (
        f"not cached for later runs: other users can write to {cache.folder}; remove it, or set TEXTGRAFT_CACHE to a "
        "folder of your own"
    )
    cache.folder.chmod(0o700)
    np.testing.assert_array_equal(cache.get(A, SPECS)[0], VALUES)


def test_link_to_a_folder_is_not_used(cache, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.folder.symlink_to(tmp_path / "elsewhere")
    assert cache.get(A, SPECS) is None
    assert "is not a folder; set TEXTGRAFT_CACHE" in cache.put(A, [VALUES])
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_only_the_owner_has_access_whatever_the_umask(cache):
    umask = os.umask(0)
    try:
        cache.put(A, [VALUES])
    finally:
        os.umask(umask)
    paths = [cache.folder, cache.folder / A, *(cache.folder / A).iterdir()]
    assert {path.name: path.stat().st_mode & 0o077 for path in paths if path.stat().st_mode & 0o077} == {}
    assert cache.get(A, SPECS)


def test_unwritable_cache_returns_a_warning(tmp_path):
    (tmp_path / "file").write_text("")
    warning = ArrayCache(tmp_path / "file" / "arrays", limit=1000).put(A, [VALUES])
    assert warning.startswith("not cached for later runs: ")


def test_what_a_killed_process_left_of_another_entry_is_removed(cache):
    cache.put(A, [VALUES])
    (cache.folder / f".{B}.building.abcdef01").mkdir()
    (cache.folder / f".{B}.lock").touch()
    cache.put(C, [VALUES])
    assert {path.name for path in cache.folder.iterdir()} == {A, C}


def test_clear_keeps_files_of_others(cache):
    (cache.folder / "mine").mkdir(parents=True)
    (cache.folder / "mine" / "letter.txt").write_text("x" * 2000)
    cache.put(A, [VALUES])
    cache.put(B, [VALUES])
    assert len(cache.entries) == 2
    (cache.folder / f".{C}.building.abcdef01").mkdir()
    (cache.folder / f".{D}.lock").touch()  # of a dead process
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


@pytest.mark.parametrize(
    ("user_cache", "folder"),
    [("/caches", "/caches"), ("", "/own/.cache"), ("caches", "/own/.cache"), (None, "/own/.cache")],
)
def test_default_folder_is_in_the_users_cache(monkeypatch, user_cache, folder):
    monkeypatch.delenv("TEXTGRAFT_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/own")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if user_cache is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", user_cache)
    assert str(ArrayCache.from_environment().folder) == f"{folder}/textgraft/arrays"
