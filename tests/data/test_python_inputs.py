"""Texts and labels in Python objects of every kind that users have, and the refusal of others."""

import subprocess
import sys
from collections import deque

import numpy as np
import pyarrow as pa
import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.dataset import Dataset
from textgraft.data.loading import load_dataset
from textgraft.data.python_inputs import values_of
from textgraft.errors import ConfigError, DataError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

TEXTS, LABELS = ["a film", "ein Film", "映画", "un film"], [3, 1, 3, 1]
COLUMNS = {"review": TEXTS, "stars": LABELS}
TABLES = {
    "pandas": lambda: pd.DataFrame(COLUMNS, index=[7, 7, 8, 9]),
    "pandas with categories": lambda: pd.DataFrame(COLUMNS).astype({"stars": "category"}),
    "pandas with nullable types": lambda: pd.DataFrame(COLUMNS).convert_dtypes(),
    "polars": lambda: pl.DataFrame(COLUMNS),
    "arrow": lambda: pa.table(COLUMNS),
    "batch": lambda: pa.RecordBatch.from_pydict(COLUMNS),
    "reader": lambda: pa.table(COLUMNS).to_reader(),
}
SEQUENCES = {
    "list": list, "tuple": tuple, "deque": deque, "generator": iter,
    "dictionary values": lambda x: dict(enumerate(x)).values(),
    "array": np.array, "objects": lambda x: np.array(x, object), "series": pd.Series, "index": pd.Index,
    "polars": pl.Series, "arrow": pa.array, "chunked": lambda x: pa.chunked_array([x[:1], x[1:]]),
    "categorical": lambda x: pd.Series(x, dtype="category"),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_table_is_read_like_a_file(kind):
    data = load_dataset(TABLES[kind](), text="review", label="stars")
    assert texts_of(data) == TEXTS
    assert data.labels.tolist() == ["3", "1", "3", "1"]
    assert data.label_names == [1, 3]
    assert data.location(2).endswith(", row 3")


@pytest.mark.parametrize("kind", SEQUENCES)
def test_sequences_are_read_in_order(kind):
    data = Dataset.from_lists(SEQUENCES[kind](TEXTS), SEQUENCES[kind](LABELS))
    assert texts_of(data) == TEXTS
    assert data.labels.tolist() == ["3", "1", "3", "1"]
    assert data.label_names == [1, 3]


def test_columns_of_tables_are_inferred_as_those_of_files():
    frame = pd.DataFrame({"id": [1, 2], "text": ["a", "b"], "label": [True, False]})
    data = load_dataset(frame)
    assert data.label_names == [False, True]
    assert data.labels.tolist() == ["true", "false"]
    with pytest.raises(DataError, match="DataFrame: no column of labels beside text; add one"):
        load_dataset(frame[["text"]]).require_labels()
    with pytest.raises(DataError, match="DataFrame: no column 'label'; it has: id, text"):
        load_dataset(frame[["id", "text"]], label="label")


def test_splits_of_tables():
    frame = pl.DataFrame({"text": ["a", "b"], "label": ["x", "y"]})
    train, test = load_dataset({"train": frame, "test": frame[:1]}, split="train,test")
    assert (len(train), len(test), test.source) == (2, 1, "DataFrame test")
    with pytest.raises(DataError, match=r"dict: several splits \(train, test\)"):
        load_dataset({"train": frame, "test": frame})


def test_hugging_face_dataset_is_read():
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"text": ["a", "b"], "label": [1, 0]})
    assert load_dataset(rows).label_names == [0, 1]
    named = rows.cast_column("label", datasets.ClassLabel(names=["neg", "pos"]))
    assert load_dataset(datasets.DatasetDict(train=named)).label_names == ["neg", "pos"]


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_missing_values_are_reported_with_their_row(missing):
    with pytest.raises(DataError, match="row 2: the text is missing"):
        Dataset.from_lists(["a", missing], ["x", "y"])
    with pytest.raises(DataError, match="row 1: the label is missing"):
        Dataset.from_lists(["a", "b"], [missing, "y"])
    for column in ("text", "label"):
        frame = pd.DataFrame({"text": ["a", "b"], "label": ["x", "y"]}).astype(object)
        frame.loc[1, column] = None if isinstance(missing, np.float32) else missing
        with pytest.raises(DataError, match=f"DataFrame, row 2: no value for '{column}'"):
            load_dataset(frame)


def test_integers_that_pandas_made_fractions_for_a_missing_value():
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": [1, 0, None]})
    with pytest.raises(DataError, match="DataFrame, row 3: no value for 'label'"):
        load_dataset(frame)
    with pytest.raises(DataError, match="the column 'label' is of type double"):
        load_dataset(pd.DataFrame({"text": ["a", "b"], "label": [1.0, 0.5]}))


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([1, True], "row 2: the label True is of type boolean, those before it integer"),
        ([[1.5], ["x"]], "row 1: labels must be strings, integers or booleans, not float"),
        ([object(), "x"], "not object"),
        (np.array([[1, 0, 0], [0, 1, 0]]), r"its shape is \(2, 3\)"),
        (["x"], "2 texts but 1 labels"),
        (iter(["x"]), "row 2: no label; give one for each row"),
        (iter("xyz"), "row 3: no text; give one for each row"),
    ],
)
def test_unsuitable_labels_are_refused(labels, complaint):
    with pytest.raises(DataError, match=complaint):
        Dataset.from_lists(["a", "b"], labels)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ("text", "str"), (b"text", "bytes"), ({"a": 1}, "dict"), ({"a", "b"}, "set"), (None, "NoneType"), (3, "int"),
        (str, "type"), (object(), "object"),
        (pd.DataFrame(COLUMNS), "pandas.DataFrame"), (pl.DataFrame(COLUMNS), "polars.DataFrame"),
        (np.array("a"), "numpy.ndarray"), (np.zeros((2, 3)), "numpy.ndarray"), (iter([1]).__next__, "method-wrapper"),
    ],
)  # fmt: skip
def test_other_objects_are_refused_by_their_type(values, name):
    with pytest.raises(DataError) as caught:
        list(values_of(values, "texts"))
    assert name in str(caught.value)
    assert "a list, tuple, array, Series, Arrow array or generator" in str(caught.value)


def test_pairs_of_texts():
    data = Dataset.from_lists([("a", "b"), ["c", "d"]], ["x", "y"])
    assert data.paired
    assert next(data.batches()).pairs.tolist() == [b"b", b"d"]
    assert next(Dataset.from_lists(np.array([["a", "b"]])).batches()).pairs.tolist() == [b"b"]
    with pytest.raises(DataError, match="row 2: a single text among pairs"):
        Dataset.from_lists([("a", "b"), "c"])


def test_error_in_a_generator_is_reported_with_its_row():
    with pytest.raises(DataError, match=r"generator cannot be read after row 1 \(KeyError: 'x'\)"):
        list(values_of((row["x"] for row in [{"x": "a"}, {}]), "texts"))


@pytest.mark.parametrize("source", [3, None, ["a", "b"], {}, {"train": 1}, b"a", object(), np.array(["a"])])
def test_object_that_is_no_source_is_refused(source):
    with pytest.raises(DataError, match="is not a source of texts; pass a path, a DataFrame or an Arrow table"):
        load_dataset(source)


def test_options_of_files_are_refused_for_tables():
    frame = pd.DataFrame({"text": ["a"], "label": ["x"]})
    for options in ({"format": "csv"}, {"delimiter": ";"}):
        with pytest.raises(ConfigError, match=f"is not a file and does not support {next(iter(options))}; drop it"):
            load_dataset(frame, **options)


def test_lists_import_no_library_of_tables():
    """pyarrow itself imports pandas where it is installed."""
    code = (
        "import sys; from textgraft.data.dataset import Dataset; Dataset.from_lists(['a'], [1]);"
        "sys.exit(any(name in sys.modules for name in ('polars', 'datasets', 'tensorflow')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
