"""Slices have the meaning of TensorFlow Datasets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.datasets import texts_of
from textgraft.data.loading import load_dataset
from textgraft.data.slices import parse_slices
from textgraft.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("spec", "count", "rows"),
    [
        ("train", 10, range(10)),
        ("train[:60%]", 10, range(6)),
        ("train[60%:]", 10, range(6, 10)),
        ("train[10%:20%]", 999, range(100, 200)),  # 99.9 and 199.8 to the closest
        ("train[:50%]", 5, range(2)),  # 2.5 to the even neighbour, as Python rounds
        ("train[:50%]", 7, range(4)),  # 3.5 likewise
        ("train[:0.5%]", 1000, range(5)),
        ("train[-10%:]", 95, range(85, 95)),  # -9.5 to -10
        ("train[:1000]", 2000, range(1000)),
        ("train[:1_000]", 2000, range(1000)),
        ("train[-100:]", 2000, range(1900, 2000)),
        ("train[5:-5]", 20, range(5, 15)),
        ("validation-2[3:4]", 20, range(3, 4)),
    ],
)
def test_slices_select_rows(spec, count, rows):
    (part,) = parse_slices(spec)
    assert part.rows(count) == rows
    assert str(part) == spec


@settings(deadline=None, max_examples=50)
@given(start=st.integers(0, 100), stop=st.integers(0, 100), count=st.integers(1, 500))
def test_rows_equal_those_of_tensorflow_datasets(start, stop, count):
    tfds_splits = pytest.importorskip("tensorflow_datasets.core.splits", reason="needs the extra tfds")
    spec = f"train[{start}%:{stop}%]"
    info = tfds_splits.SplitInfo(name="train", shard_lengths=[count], num_bytes=0, filename_template=None)
    (theirs,) = tfds_splits.ReadInstruction.from_spec(spec).to_absolute({"train": info})
    rows = range(theirs.from_ or 0, count if theirs.to is None else theirs.to)
    (ours,) = parse_slices(spec)
    if rows:
        assert ours.rows(count) == rows
    else:
        with pytest.raises(DataError, match="selects none"):
            ours.rows(count)


@pytest.mark.parametrize(
    "spec", ["", "train[", "train[5]", "train[a:b]", "train[1.5:3]", "train,,test", "train[:60%]x"]
)
def test_malformed_slice_is_reported(spec):
    with pytest.raises(ConfigError, match="is not understood; write for instance"):
        parse_slices(spec)


@pytest.mark.parametrize("spec", ["train[:11]", "train[-11:]", "train[:110%]"])
def test_bound_out_of_range_is_reported(spec):
    with pytest.raises(DataError, match="is out of range; train has 10 rows"):
        parse_slices(spec)[0].rows(10)


def test_slices_of_a_file_are_datasets(write):
    path = write("a.csv", [(f"text {n}", "ab"[n % 2]) for n in range(10)])
    head, tail, everything = load_dataset(path, split="train[:60%], train[60%:],train")
    assert texts_of(head) == [f"text {n}" for n in range(6)]
    assert texts_of(tail) == [f"text {n}" for n in range(6, 10)]
    assert len(everything) == 10
    assert (head.source, everything.source) == (f"{path}[:60%]", str(path))
    assert tail.location(0) == f"{path}, line 8"


def test_single_slice_is_one_dataset(write):
    assert len(load_dataset(write("a.csv", [("a", "x"), ("b", "y")]), split="train[1:]")) == 1
