"""Cutting of rows into shards."""

import numpy as np
import pyarrow as pa

from tests.helpers.shard_writers import windows_of
from textgraft.shards import cutting
from textgraft.shards.cutting import cut_shards
from textgraft.tasks.streaming import growing_windows


def test_shards_are_whole_windows_in_order():
    shards = list(cut_shards(windows_of([f"text {n}" for n in range(11)], 2), 3))
    spans = [(shard.span.index, shard.span.first_row, shard.span.rows) for shard in shards]
    assert spans == [(0, 0, 4), (1, 4, 4), (2, 8, 3)]
    texts = [[window.column("text").to_pylist() for window in shard.windows()] for shard in shards]
    assert texts[2] == [["text 8", "text 9"], ["text 10"]]


def test_windows_are_those_of_predictions_whatever_the_size_of_shards():
    rng = np.random.default_rng(0)
    texts = ["x" * n for n in rng.integers(0, 50, 5000)]
    expected = list(growing_windows(windows_of(texts, 700)))
    for rows in (1, 1000, 100_000):
        shards = cut_shards(growing_windows(windows_of(texts, 300)), rows)
        windows = [window for shard in shards for window in shard.windows()]
        assert list(map(len, windows)) == list(map(len, expected))
        assert pa.Table.from_batches(windows).equals(pa.Table.from_batches(expected))


def test_digests_depend_on_the_rows_alone():
    def digests(texts):
        return [shard.span.input_sha256 for shard in cut_shards(windows_of(texts), 2)]

    assert digests(["a", "b", "c", "d"]) == digests(["a", "b", "c", "d"])
    first, second = digests(["a", "b", "c", "d"]), digests(["a", "b", "c", "e"])
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_long_texts_end_a_shard_before_its_number_of_rows(monkeypatch):
    monkeypatch.setattr(cutting, "_MAX_BYTES", 2000)
    shards = list(cut_shards(windows_of(["x" * 900] * 6, 1), 100))
    assert [shard.span.rows for shard in shards] == [2, 2, 2]


def test_no_rows_make_no_shard():
    assert list(cut_shards(iter(()), 10)) == []


def test_columns_of_categories_survive():
    values = pa.array(["a", "b", None, "a"]).dictionary_encode()
    copied = pa.StructArray.from_arrays([values], ["kind"])
    batch = pa.record_batch([pa.array(["1", "2", "3", "4"]), copied], ["text", "copied"])
    (shard,) = cut_shards([batch.slice(1, 2)], 10)
    (window,) = shard.windows()
    assert window.column("copied").to_pylist() == [{"kind": "b"}, {"kind": None}]
