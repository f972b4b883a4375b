"""Files of vectors are read back."""

import gc

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


@pytest.mark.filterwarnings("error")
def test_parquet_file_is_discarded_silently(tmp_path):
    def interrupted():
        with open_vectors(tmp_path / "vectors.parquet", 3) as vectors:
            vectors.write(np.array([b"a"], object), np.zeros((1, 3), np.float32))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    gc.collect()  # of a writer that is still open
    assert list(tmp_path.iterdir()) == []
