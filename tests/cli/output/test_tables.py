"""Tables of results: any format reads back what was written, and a failed run leaves no file."""

import csv
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from textgraft.cli.output.tables import open_table, open_vectors
from textgraft.errors import ConfigError, DataError

COLUMNS = ["text", "label", "probability_a"]
ROWS = [["one, two", 'say "hi"\nthere', "one\rtwo"], ["a", "b", "c"], [0.25, 0.5, 1.0]]


def read(path):
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [(row[0], row[1], float(row[2])) for row in list(csv.reader(file))[1:]]
    if path.suffix == ".jsonl":
        return [tuple(json.loads(line).values()) for line in path.read_text().splitlines()]
    return [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_round_trip(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    with open_table(path, COLUMNS) as table:
        table.write(ROWS)
        table.write(ROWS)
    assert read(path) == 2 * list(zip(*ROWS, strict=True))
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("column", ["completion", "tokens"])
def test_parquet_holds_generated_text(tmp_path, column):
    with open_table(tmp_path / "out.parquet", ["text", column]) as table:
        table.write([["one"], ["two"]])
    assert read(tmp_path / "out.parquet") == [("one", "two")]


def test_nothing_is_left_of_a_failed_run(tmp_path):
    with pytest.raises(RuntimeError), open_table(tmp_path / "out.csv", COLUMNS) as table:  # noqa: PT012
        table.write(ROWS)
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_kept(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("mine")
    with pytest.raises(DataError, match="--overwrite"), open_table(path, COLUMNS):
        pass
    assert path.read_text() == "mine"
    with open_table(path, COLUMNS, overwrite=True) as table:
        table.write(ROWS)
    assert path.read_text() != "mine"


def test_unknown_suffix(tmp_path):
    with pytest.raises(ConfigError, match=r"\.csv, \.jsonl, \.parquet"), open_table(tmp_path / "out.xls", COLUMNS):
        pass


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


def test_a_number_is_the_same_in_every_format(tmp_path):
    for suffix in (".csv", ".jsonl", ".parquet"):
        with open_table(tmp_path / f"out{suffix}", ["text", "label", "number"]) as table:
            table.write([["a"], ["b"], [20231231.1234]])
        assert read(tmp_path / f"out{suffix}")[0][2] == 20231231.1234
