"""Windows of rows are bounded in number and in bytes, whatever repeats within them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import textgraft as tg
from textgraft.data.array_sizes import array_bytes
from textgraft.data.bounds import ROW_BYTES, WINDOW_BYTES, bounded_windows, sample, text_bytes
from textgraft.data.loading import load_dataset
from textgraft.data.store import Store

MIB = 1 << 20


@pytest.mark.parametrize(
    ("sizes", "rows", "expected"),
    [
        ([1] * 5, 2, [2, 2, 1]),
        ([1] * 5, iter([1, 3, 9]), [1, 3, 1]),
        ([2 * MIB, 3 * MIB, MIB, MIB], 9, [2, 2]),
        ([0, ROW_BYTES, ROW_BYTES, 0], 9, [2, 1, 1]),
        ([], 9, []),
    ],
)
def test_window_ends_before_it_may_be_too_large(sizes, rows, expected):
    windows = list(bounded_windows(sizes, int, rows, ROW_BYTES + 4 * MIB))
    assert [len(window) for window in windows] == expected
    assert [size for window in windows for size in window] == sizes


def test_full_window_does_not_wait_for_the_next_item():
    def items():
        yield from (1, 2)
        pytest.fail("a third item is read")

    assert next(bounded_windows(items(), int, 2)) == [1, 2]


def test_sample_takes_no_more_items_than_it_returns():
    items = iter([MIB // 2] * 10)
    assert len(sample(items, int, 100)) == 3
    assert len(list(items)) == 7


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array(["a", None, "bcd"]), [1, 0, 3]),
        (pa.array(["é"], pa.large_string()), [2]),
        (pa.array(["abc"], pa.string_view()), [3]),
        (pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1]), pa.array(["a", "bcd"])), [3, 1, 0, 3]),
        (pa.array([["a", "bc"], None, ["d"]]).slice(1), [0, 1]),
        (pa.array([{"x": "a", "y": "bc"}, {"x": "d", "y": None}]).slice(1), [1]),
        (pa.array([[("key", "value")]], pa.map_(pa.string(), pa.string())), [8]),
        (pa.array([1, 2]), [8, 8]),
    ],
)
def test_bytes_of_arrow_values(values, expected):
    assert array_bytes(values).tolist() == expected


def test_bytes_of_a_string_are_those_of_its_widest_character():
    assert [text_bytes(text) // 1000 for text in ("a" * 1000, "д" * 1000, "a" * 999 + "\U0001f600")] == [1, 2, 4]


def test_batches_of_a_dataset_are_bounded(tmp_path):
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 100, pa.int32()), pa.array(["x" * MIB]))
    pq.write_table(pa.table({"text": values}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < MIB // 2
    sizes = [sum(map(len, batch.texts)) for batch in load_dataset(tmp_path / "a.parquet").batches()]
    assert sum(sizes) == 100 * MIB
    assert max(sizes) <= WINDOW_BYTES


def test_batches_of_rows_are_small_where_columns_repeat_large_values(tmp_path, monkeypatch):
    written = []
    write = Store.write.__func__

    def record(cls, batches, *arguments):
        return write(cls, (written.append(batch.nbytes) or batch for batch in batches), *arguments)

    monkeypatch.setattr(Store, "write", classmethod(record))
    texts = {"text": ["a" * MIB] * 20, "label": ["x", "y"] * 10}
    pq.write_table(pa.table(texts), tmp_path / "a.parquet")
    load_dataset(tmp_path / "a.parquet")
    load_dataset(pa.table(texts))
    tg.Dataset.from_lists(texts["text"], texts["label"])
    assert sum(written) > 60 * MIB
    assert max(written) < ROW_BYTES


def test_shuffled_rows_of_unequal_size_are_read_in_order():
    texts = [f"{number} " + "x" * (number % 3 * MIB) for number in range(90)]
    order = np.random.default_rng(0).permutation(90)
    data = tg.Dataset.from_lists(texts).take(order)
    batches = list(data.batches())
    assert len(batches) > 1
    assert [text.decode() for batch in batches for text in batch.texts] == [texts[row] for row in order]


def test_parquet_page_of_100_mib_is_read_if_it_has_many_texts(tmp_path):
    path, rows = tmp_path / "a.parquet", 20_000  # pyarrow writes no more to a page
    table = pa.table({"text": [f"{row:05}" + "a" * 5238 for row in range(rows)], "label": ["x", "y"] * (rows // 2)})
    pq.write_table(table, path, data_page_size=1 << 30, write_batch_size=rows, use_dictionary=False)
    assert tg.load_dataset(path)[-1].text == f"{rows - 1:05}" + "a" * 5238
