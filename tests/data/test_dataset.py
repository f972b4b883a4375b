"""Datasets: rows, labels, parts and fingerprints."""

import gc
import hashlib
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.loading import load_dataset, load_datasets
from textgraft.errors import ConfigError, DataError, RowIndexError

TEXTS = ["one", "zwei", "trois ☃", "four", "fem"]
LABELS = ["b", "a", "b", "c", "b"]


@pytest.fixture
def data():
    return Dataset.from_lists(TEXTS, LABELS)


def test_properties_describe_the_dataset(data):
    assert len(data) == 5
    assert data.label_names == ["a", "b", "c"]
    assert data.counts() == {"a": 1, "b": 3, "c": 1}
    assert data.labels.tolist() == LABELS
    assert texts_of(data)[2] == "trois ☃"
    assert data.location(2) == "texts, row 3"
    assert repr(data) == "Dataset(texts: 5 texts, labels a, b, c)"
    assert (data.source, data.columns, data.notices) == ("texts", ("text", "label"), ())


def test_label_ids_follow_the_given_names(data):
    ids = data.label_ids(["c", "b", "a", "unused"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [1, 2, 1, 0, 1]
    with pytest.raises(DataError, match=r"texts, row 1: unknown label 'b' \(3 texts\); expected one of: a, c"):
        data.label_ids(["a", "c"])


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_batches_hold_all_rows_in_order(data, size):
    batches = list(data.batches(size))
    assert [len(batch.texts) for batch in batches] == [min(size, 5 - start) for start in range(0, 5, size)]
    assert [text.decode() for batch in batches for text in batch.texts] == TEXTS
    assert [label for batch in batches for label in batch.labels] == LABELS
    assert all(batch.texts.dtype == object and type(batch.texts[0]) is bytes for batch in batches)


def test_take_keeps_the_order_given(data):
    part = data.take([4, 0, 0])
    assert texts_of(part) == ["fem", "one", "one"]
    assert part.counts() == {"b": 3}
    assert part.take(np.array([0])).location(0) == "texts, row 5"
    assert len(data.take([])) == 0
    assert list(data.take([]).batches()) == []


def test_take_reads_across_stored_batches(write):
    texts = [f"{n} {'x' * (n % 50)}" for n in range(20_000)]
    data = load_dataset(write("a.csv", [(text, "x") for text in texts]))
    order = np.random.default_rng(0).permutation(len(texts))
    taken = data.take(order)
    assert [text.decode() for batch in taken.batches(777) for text in batch.texts] == [texts[row] for row in order]


def test_unlabelled_dataset_has_no_labels():
    data = Dataset.from_lists(["a", "b"])
    assert data.labels is None
    assert data.label_names == []
    assert data.counts() == {}
    assert [batch.labels for batch in data.batches(1)] == [None, None]
    assert repr(data) == "Dataset(texts: 2 texts)"
    for ask in (data.require_labels, lambda: data.label_ids(["a"])):
        with pytest.raises(DataError, match="texts: the texts have no labels; give one for each"):
            ask()


def test_missing_label_column_is_reported_with_the_columns(write):
    data = load_dataset(write("a.csv", "text,category,topic\na,b,c\n"))
    with pytest.raises(DataError, match=r"a\.csv: .* set label to one of: category, topic"):
        data.require_labels()


def test_fingerprint_covers_texts_and_labels_in_order(data):
    parts = [b"labelled"]
    for text, label in zip(TEXTS, LABELS, strict=True):
        for value in (text.encode(), label.encode()):
            parts += [len(value).to_bytes(8, "little"), value]
    assert data.fingerprint() == hashlib.sha256(b"".join(parts)).hexdigest()
    assert data.fingerprint() == Dataset.from_lists(TEXTS, LABELS, source="other").fingerprint()
    others = [
        Dataset.from_lists(TEXTS),
        data.take([1, 0, 2, 3, 4]),
        data.take(range(4)),
        Dataset.from_lists(TEXTS, [*LABELS[:4], "c"]),
        Dataset.from_lists(["on", "ezwei", *TEXTS[2:]], LABELS),
    ]
    assert len({data.fingerprint(), *(other.fingerprint() for other in others)}) == 6


def test_fingerprint_is_the_same_in_every_format(write):
    rows = [("good", "pos"), ("bad", "neg")]
    prints = {load_dataset(write(f"a.{kind}", rows)).fingerprint() for kind in ("csv", "tsv", "jsonl", "parquet")}
    assert prints == {Dataset.from_lists(*zip(*rows, strict=True)).fingerprint()}


def test_unknown_problem_is_reported():
    with pytest.raises(ConfigError, match="problem 'typo' is unknown; choose one of single-label, multi-label"):
        Dataset.from_lists(["a", "b"], ["x", "y"], problem="typo")


@pytest.mark.parametrize(
    ("texts", "labels", "complaint"),
    [
        ([], None, "texts must be a list of at least one string"),
        ("abc", None, "texts must be a list"),
        (["a", 1], None, "row 2: texts must be strings, not int"),
        (["a", None], None, r"row 2: the text is missing \(None\)"),
        (["a"], [0.5], "row 1: labels must be strings, integers or booleans, not float; .*set problem"),
        (["a", "b"], ["x", 1], "row 2: the label 1 is of type integer, those before it string"),
        (["a", "b"], ["x"], "2 texts but 1 labels"),
        (["\ud800"], None, "half of a surrogate pair"),
    ],
)
def test_malformed_lists_are_reported(texts, labels, complaint):
    with pytest.raises(DataError, match=complaint):
        Dataset.from_lists(texts, labels)


def test_numpy_arrays_are_accepted():
    assert Dataset.from_lists(np.array(TEXTS), np.array(LABELS)).labels.tolist() == LABELS


def test_temporary_folder_stays_empty(write, monkeypatch, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    data = load_dataset(write("a.csv", [("a", "x"), ("b", "y")]))
    assert list(folder.iterdir()) == []
    assert texts_of(data)[1] == "b"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at Linux's list of mappings")
def test_mapping_is_released_with_the_last_view(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    view = Dataset.from_lists(TEXTS, LABELS).take([1, 2])
    files = len(list(Path("/proc/self/fd").iterdir()))
    assert str(tmp_path) in Path("/proc/self/maps").read_text()
    assert texts_of(view)[0] == "zwei"
    del view
    gc.collect()
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()
    assert len(list(Path("/proc/self/fd").iterdir())) < files


def test_pairs_and_uncategorical_labels_are_kept_as_written(tmp_path):
    (tmp_path / "pairs.csv").write_text("first,second,score\none,a,0.5\ntwo,b,1.5\n")
    reading = Reading(text="first", pair="second", label="score", problem="regression")
    (data,) = load_datasets(str(tmp_path / "pairs.csv"), None, reading)
    assert data.paired
    assert data.label_names == []
    (batch,) = data.take([1, 0]).batches()
    assert [*batch.texts] == [b"two", b"one"]
    assert [*batch.pairs] == [b"b", b"a"]
    assert [*batch.labels] == ["1.5", "0.5"]
    other = Dataset.from_lists(["one", "two"], ["0.5", "1.5"], pairs=["a", "b"], categories=False)
    assert other.fingerprint() == data.fingerprint()
    assert Dataset.from_lists(["one", "two"], ["0.5", "1.5"]).fingerprint() != data.fingerprint()


def test_rows_are_read_by_index_and_in_a_loop():
    data = Dataset.from_lists(["a", "<b>", "c"], [2, 10, 2], pairs=["x", "y", "z"])
    assert data[1] == data[-2] == ("<b>", 10, "y")
    assert list(data) == [("a", 2, "x"), ("<b>", 10, "y"), ("c", 2, "z")]
    assert [row.text for row in data[1:]] == ["<b>", "c"]
    assert data[0].label == 2
    assert list(Dataset.from_lists(["a"])) == [("a", None, None)]
    assert list(Dataset.from_lists(["a", "b"], [["x"], []])) == [("a", ["x"], None), ("b", [], None)]
    assert Dataset.from_lists(["a"], [2], problem="regression")[0].label == 2.0


def test_decimal_commas_are_reported_with_the_fix(write):
    path = write("a.csv", "text;stars\na;0,5\n")
    with pytest.raises(DataError, match=r"line 2: '0,5' is not a number; write decimals with a point"):
        load_dataset(path, label="stars", problem="regression").numbers()


@pytest.mark.parametrize("key", [3, -4, "a", None, 1.0, slice("a"), [0, 1]])
def test_row_that_does_not_exist_is_reported(key):
    data = Dataset.from_lists(["a", "b", "c"])
    with pytest.raises(RowIndexError, match=r"texts: no row .*; its rows are 0 to 2"):
        data[key]


@pytest.mark.parametrize("rows", [[3], ["a"], [True, False, True], [[0]], None, 0.5, {"a": 1}])
def test_rows_to_take_are_checked(rows):
    with pytest.raises(RowIndexError, match="texts: rows must be whole numbers below 3 in a list"):
        Dataset.from_lists(["a", "b", "c"]).take(rows)


@pytest.mark.parametrize(("fraction", "seed"), [("0.5", 0), (None, 0), (0.5, -1), (0.5, "a"), (0.5, None)])
def test_arguments_of_a_split_are_checked(fraction, seed):
    with pytest.raises(ConfigError, match="of a split must be"):
        Dataset.from_lists(["a", "b"], ["x", "x"]).split(fraction, seed)


def test_presentations_have_no_control_characters():
    controls = "\x1b]0;title\x07\x9b\u202e\n\u2028"
    data = Dataset.from_lists([f"a{controls}", "b"], [f"x{controls}", "y" * 10_000], source=f"s{controls}")
    for shown in (repr(data), data._repr_html_()):
        assert shown.isprintable()
        assert len(shown) < 1_000
    assert data[0].text == f"a{controls}"


def test_dataset_in_a_notebook_and_as_a_data_frame():
    pytest.importorskip("pandas")
    data = Dataset.from_lists(["a", "<b>&" + "c" * 300], ["x", "<y>"])
    html = data._repr_html_()
    assert "<th>text</th><th>label</th>" in html
    assert "&lt;b&gt;&amp;ccc" in html
    assert "<td>&lt;y&gt;</td>" in html
    assert "c" * 200 not in html
    frame = data.to_pandas()
    assert frame.columns.tolist() == ["text", "label"]
    assert frame["label"].tolist() == ["x", "<y>"]
