"""A sample of rows has a bounded number and size, and each row has the same chance."""

import numpy as np
import pyarrow as pa

from textgraft.data.row_sample import RowSample


def batch(values):
    return pa.record_batch([pa.array([str(value) for value in values])], ["text"])


def sample_of(parts, keys, **bounds):
    sample = RowSample(**bounds)
    for part, part_keys in zip(parts, keys, strict=True):
        sample.add(batch(part), np.array(part_keys, np.uint64))
    return sample, sample.take().column("text").to_pylist()


def test_rows_with_the_smallest_keys_are_kept_in_order():
    sample, texts = sample_of([[1, 2, 3], [4, 5, 6]], [[9, 1, 8], [2, 7, 3]], max_rows=3)
    assert texts == ["2", "4", "6"]
    assert sample.is_part
    assert sample.rows == 6


def test_of_equal_keys_the_first_row_is_kept():
    sample, texts = sample_of([[1, 2], [3, 4]], [[5, 6], [5, 7]], max_rows=10)
    assert texts == ["1", "2", "4"]
    assert not sample.is_part
    assert sample.rows == 4


def test_size_is_bounded():
    _, texts = sample_of([["x" * 100] * 50] * 4, np.random.default_rng(0).integers(0, 2**60, (4, 50)),
                         max_rows=1000, max_bytes=1000)  # fmt: skip
    assert len(texts) == 10
    _, texts = sample_of([["x" * 5000, "y" * 5000]], [[1, 2]], max_rows=1000, max_bytes=1000)
    assert texts == ["x" * 5000]


def test_each_row_has_the_same_chance():
    counts = np.zeros(100)
    random = np.random.default_rng(0)
    for _ in range(200):
        keys = random.integers(0, 2**64, (10, 10), np.uint64)
        _, texts = sample_of(np.arange(100).reshape(10, 10), keys, max_rows=8)
        counts[list(map(int, texts))] += 1
    assert counts.sum() == 200 * 8
    assert counts.min() >= 3
    assert counts.max() <= 33
