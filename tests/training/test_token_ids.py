"""Texts are tokenized side by side, in bounded memory."""

import threading
import time

import numpy as np
import pytest

from textgraft.data.bounds import ROW_BYTES
from textgraft.training import token_ids


@pytest.mark.parametrize("sizes", [[ROW_BYTES] * 3, [2000] * 20_000], ids=["long texts", "short texts"])
def test_texts_that_are_tokenized_at_once_are_of_bounded_size(sizes):
    lock, running, most = threading.Lock(), 0, 0

    def run(batch):
        nonlocal running, most
        size = sum(map(len, batch))
        with lock:
            running += size
            most = max(most, running)
        time.sleep(0.01)  # so that others begin
        with lock:
            running -= size
        return (np.zeros(len(batch)),)

    batch = np.array([bytes(size) for size in sizes], object)
    assert sum(len(rows) for (rows,) in token_ids.run_in_parallel(run, [batch])) == len(sizes)
    assert max(sizes) <= most <= token_ids._BYTES_AT_ONCE
