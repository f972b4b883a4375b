"""Compiled functions of chunks: results do not depend on the chunks; XLA sees a few shapes only."""

import numpy as np
import tensorflow as tf

from textgraft.backbones import compiled_chunks


def test_chunks_have_the_given_sizes_and_their_start():
    sizes = []

    def double_with_index(rows, start):
        sizes.append(len(rows))
        return 2 * rows + tf.cast(start + tf.range(len(rows)), tf.float32)[:, None]

    for count in (1, 63, 64, 65, 511, 512, 513, 5000):
        rows = tf.random.stateless_normal([count, 3], (0, count))
        values = compiled_chunks.in_chunks(double_with_index, [rows], (64, 512))
        np.testing.assert_array_equal(values, 2 * rows + np.arange(count, dtype=np.float32)[:, None])
    assert set(sizes) == {64, 512}


def test_nothing_is_compiled_for_a_gpu(monkeypatch):
    compiled_chunks.is_available.cache_clear()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"])
    assert not compiled_chunks.is_available()
    compiled_chunks.is_available.cache_clear()
