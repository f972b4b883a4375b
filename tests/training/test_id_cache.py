"""Cached token ids: equal to computed ones, and computed again where the text graph differs."""

import numpy as np
import pytest

import textgraft as tg
from textgraft.storage.array_cache import ArrayCache
from textgraft.tasks.texts import as_batches
from textgraft.text.cleaning import Cleaning
from textgraft.training import token_ids

TEXTS = [
    "the film was good",
    "",
    "a fine plot, but the film was far too long for me",
    "naïve 映画 \U0001f600",
    "good",
] * 60
PAIRS = [(text, text[::-1]) for text in TEXTS]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGRAFT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def runs(monkeypatch):
    """A list that receives the number of texts of each batch through a text graph."""
    counted, run_parallel = [], token_ids.run_in_parallel

    def counting(run, batches):
        for batch in batches:
            counted.append(len(batch))
            yield from run_parallel(run, [batch])

    monkeypatch.setattr(token_ids, "run_in_parallel", counting)
    return counted


def fresh(preset, **architecture):
    return tg.TextClassifier(preset, ["bad", "good"], precision="float32", **architecture)


def read(model, texts, cached=True):
    return model.tokenize(as_batches(texts), model.fine_tuning(fine_tune="none").id_cache() if cached else None)


@pytest.mark.parametrize(
    ("architecture", "texts"),
    [
        ({"sequence_length": 8}, TEXTS),
        ({"sequence_length": 8, "truncation": "head+tail"}, TEXTS),
        ({"sequence_length": 8, "truncation": "windows"}, TEXTS),
        ({"pairs": True}, PAIRS),
        ({}, []),
    ],
)
def test_cached_ids_equal_computed_ids(tiny_word_vectors, runs, architecture, texts):
    model = fresh(tiny_word_vectors, **architecture)
    computed = read(model, texts, cached=False)
    first, second = read(model, texts), read(fresh(tiny_word_vectors, **architecture), texts)
    assert sum(runs) == 2 * len(texts)
    for found in (first, second):
        assert type(found) is type(computed)
        assert found.truncated == computed.truncated
        for array, expected in zip(found.arrays, computed.arrays, strict=True):
            assert array.dtype == expected.dtype
            np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({"hidden": (4,)}, False),
        ({"sequence_length": 9}, True),
        ({"truncation": "head+tail"}, True),
        ({"cleaning": Cleaning(strip_html=True)}, True),
    ],
)
def test_cache_depends_on_the_text_graph_only(word_vectors_backbone, runs, changed, again):
    read(fresh(word_vectors_backbone, sequence_length=8), TEXTS)
    runs.clear()
    read(fresh(word_vectors_backbone, **{"sequence_length": 8, **changed}), TEXTS)
    assert bool(runs) == again


def test_another_vocabulary_misses_the_cache(tiny_bert, tmp_path, runs):
    read(fresh(tiny_bert), TEXTS)
    words = (tiny_bert / "vocab.txt").read_text().splitlines()
    other = tmp_path / "other"
    other.mkdir()
    for file in tiny_bert.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    (other / "vocab.txt").write_text("\n".join([*words[:-2], words[-1], words[-2]]) + "\n")
    runs.clear()
    read(fresh(other), TEXTS)
    assert runs


@pytest.mark.parametrize("texts", [["ab", "c"], ["a", "bc"], ["abc"], ["c", "ab"]])
def test_cache_key_separates_texts(word_vectors_backbone, runs, texts):
    model = fresh(word_vectors_backbone)
    for others in (["ab", "c"], ["a", "bc"], ["abc"], ["c", "ab"]):
        if others != texts:
            read(model, others)
    runs.clear()
    read(model, texts)
    assert sum(runs) == len(texts)


def test_damaged_entry_is_computed_again(word_vectors_backbone, tmp_path, runs):
    model = fresh(word_vectors_backbone)
    expected = read(model, TEXTS)
    file = next((tmp_path / "cache" / "arrays").glob("*/0.npy"))
    file.write_bytes(file.read_bytes()[:-1] + b"\x7f")
    runs.clear()
    np.testing.assert_array_equal(read(model, TEXTS).ids, expected.ids)
    assert sum(runs) == len(TEXTS)


PLANTED = {
    "one array less": lambda arrays: arrays[:-1],
    "one array more": lambda arrays: [*arrays, arrays[-1]],
    "no ids": lambda arrays: [arrays[0][:0], *arrays[1:]],
    "fewer texts": lambda arrays: [arrays[0], *(array[1:] for array in arrays[1:])],
    "ids outside the vocabulary": lambda arrays: [arrays[0] + 10**6, *arrays[1:]],
    "negative ids": lambda arrays: [-1 - arrays[0], *arrays[1:]],
    "wider ids": lambda arrays: [arrays[0].astype(np.int64), *arrays[1:]],
    "too many tokens": lambda arrays: [arrays[0], arrays[1] + 1, *arrays[2:]],
    "a number of tokens below 0": lambda arrays: [arrays[0], np.full_like(arrays[1], -1), *arrays[2:]],
}


@pytest.mark.parametrize("architecture", [{}, {"truncation": "windows"}, {"pairs": True}], ids=str)
def test_planted_entries_are_computed_again(word_vectors_backbone, runs, architecture):
    texts = PAIRS[:5] if "pairs" in architecture else TEXTS[:5]
    model = fresh(word_vectors_backbone, sequence_length=8, **architecture)
    expected, cache = read(model, texts), ArrayCache.from_environment()
    (entry,) = cache.entries
    arrays = [np.load(file) for file in sorted(entry.glob("*.npy"))]
    for name, planted in PLANTED.items():
        cache.put(entry.name, planted(arrays))
        runs.clear()
        found = read(model, texts)
        for array, computed in zip(found.arrays, expected.arrays, strict=True):
            np.testing.assert_array_equal(array, computed, err_msg=name)
        read(model, texts)
        assert sum(runs) == len(texts), name


def test_windows_that_are_not_those_of_the_texts_are_computed_again(word_vectors_backbone, runs):
    model = fresh(word_vectors_backbone, sequence_length=8, truncation="windows")
    expected, cache = read(model, TEXTS[:5]), ArrayCache.from_environment()
    (entry,) = cache.entries
    ids, tokens, counts, dropped = (np.load(file) for file in sorted(entry.glob("*.npy")))
    cache.put(entry.name, [ids, tokens, counts + 1, dropped])
    np.testing.assert_array_equal(read(model, TEXTS[:5]).windows.lengths, expected.windows.lengths)


def test_only_runs_that_cache_vectors_cache_ids(tiny_word_vectors, tmp_path):
    data = tg.Dataset.from_lists(TEXTS[:6], ["good", "bad"] * 3)
    fresh(tiny_word_vectors).fit(data, validation=data, fine_tune="all", head="gradient", epochs=1, keep_reference=0)
    assert not (tmp_path / "cache").exists()
    fresh(tiny_word_vectors).fit(data, validation=data, fine_tune="none", epochs=1, keep_reference=0)
    folder = tmp_path / "cache" / "arrays"
    assert len(list(folder.iterdir())) == 2  # ids, vectors; both sets have the same texts
    assert folder.stat().st_mode & 0o077 == 0
