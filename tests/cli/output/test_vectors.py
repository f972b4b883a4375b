"""Files of vectors are read back."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from textgraft.cli.output.vectors import open_vectors


@pytest.mark.parametrize("suffix", [".npy", ".parquet"])
def test_vectors(tmp_path, suffix):
    path, expected = tmp_path / f"vectors{suffix}", np.arange(12, dtype=np.float32).reshape(4, 3)
    texts = np.array([b"a", "é".encode(), b"", b"d"], object)
    with open_vectors(path, 3) as vectors:
        vectors.write(texts[:1], expected[:1])
        vectors.write(texts[1:], expected[1:])
    assert vectors.rows == 4
    if suffix == ".npy":
        np.testing.assert_array_equal(np.load(path), expected)
    else:
        table = pq.read_table(path)
        np.testing.assert_array_equal(np.stack(table["vector"].to_numpy()), expected)
        assert table["text"].to_pylist() == ["a", "é", "", "d"]
