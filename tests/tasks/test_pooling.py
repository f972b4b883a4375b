"""Pooling, compared with numpy on rows without padding."""

import numpy as np
import pytest

from textgraft.tasks.architecture import POOLINGS
from textgraft.tasks.pooling import Pooling

LENGTHS = [5, 1, 3]
DIM = 4


def reference(rows, method):
    return {
        "mean": rows.mean(axis=0),
        "cls": rows[0],
        "max": rows.max(axis=0),
        "last": rows[-1],
        "sqrtn": rows.sum(axis=0) / np.sqrt(len(rows)),
    }[method]


def padded(width, fill):
    vectors = np.full((len(LENGTHS), width, DIM), fill, np.float32)
    mask = np.zeros((len(LENGTHS), width), np.int32)
    random = np.random.default_rng(0)
    for row, length in enumerate(LENGTHS):
        vectors[row, :length] = random.normal(size=(length, DIM))
        mask[row, :length] = 1
    return vectors, mask


@pytest.mark.parametrize("method", POOLINGS)
@pytest.mark.parametrize(("width", "fill"), [(5, 0), (9, 1e6), (9, -1e6)])
def test_padding_has_no_effect(method, width, fill):
    vectors, mask = padded(width, fill)
    pooled = Pooling(method)(vectors, mask).numpy()
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(pooled[row], reference(vectors[row, :length], method), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", ["mean", "max", "sqrtn"])
def test_text_without_tokens_pools_to_zeros(method):
    pooled = Pooling(method)(np.ones((1, 2, DIM), np.float32), np.zeros((1, 2), np.int32)).numpy()
    np.testing.assert_array_equal(pooled, np.zeros((1, DIM)))


def test_unknown_method_is_reported():
    with pytest.raises(ValueError, match="mean, cls, max, last, sqrtn"):
        Pooling("median")
