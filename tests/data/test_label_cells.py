"""Labels that are absent, normalized, or lists as Python prints them."""

import pytest

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.labels import parse_label_set
from textgraft.data.loading import load_dataset
from textgraft.data.splits import check_training
from textgraft.errors import ConfigError, DataError

SPELLINGS = 'text,label\na,Pos\nb,"pos "\nc,neg\nd,1.0\ne,1\n'


def test_rows_without_a_label_are_counted_or_dropped(write):
    path = write("partly.csv", "text,label\na,x\nb,\nc,y\nd, \n,\n")
    problem = r"line 3: no value for 'label' \(2 in all\); .*, or set missing_labels to drop"
    with pytest.raises(DataError, match=problem):
        load_dataset(path, empty="drop")
    data = load_dataset(path, empty="drop", missing_labels="drop")
    assert list(data.labels) == ["x", "y"]
    assert f"{path}: 2 rows without a label dropped" in data.notices
    assert f"{path}: 1 empty text dropped" in data.notices


def test_absent_labels_of_typed_files_are_unlabelled(write):
    path = write("partly.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "label": null}\n')
    with pytest.raises(DataError, match=r"line 2: no value for 'label' \(1 in all\)"):
        load_dataset(path)
    assert load_dataset(path, missing_labels="drop").counts() == {"x": 1}


def test_empty_sets_are_not_unlabelled(write):
    path = write("sets.csv", "text,label\na,x;y\nb,\n")
    assert len(load_dataset(path, label_separator=";")) == 2


def test_normalized_labels_are_merged_and_said(write):
    path = write("spellings.csv", SPELLINGS)
    assert len(load_dataset(path).counts()) == 5
    data = load_dataset(path, normalize_labels=True)
    assert data.counts() == {"1": 2, "neg": 1, "pos": 2}
    assert f"{path}: 5 labels normalized to 3, such as 'Pos' to 'pos'" in data.notices
    assert load_dataset(write("usual.csv", [("a", "x"), ("b", "y")]), normalize_labels=True).notices == ()


@pytest.mark.parametrize(("cells", "separator"), [(["X;y", "x"], ";"), (['"[""X"", ""y""]"', '"[""x""]"'], None)])
def test_normalized_sets_are_merged(write, cells, separator):
    path = write("sets.csv", "text,label\na,{}\nb,{}\n".format(*cells))
    data = load_dataset(path, problem="multi-label", label_separator=separator, normalize_labels=True)
    assert data.counts() == {"x": 2, "y": 1}


def test_labels_of_another_set_are_compared_as_they_were_read(write):
    train = Dataset.from_lists(["a", "b"], ["Pos", "neg"])
    path = write("test.csv", "text,label\nc,POS\nd,Neg\n")
    with pytest.raises(DataError, match=r"unknown label 'Neg' \(1 text\); .* set normalize_labels"):
        check_training(train, load_dataset(path))
    test = load_dataset(path, normalize_labels=True)
    check_training(train, test)
    assert test.label_ids(["Pos", "neg"]).tolist() == [0, 1]


def test_expected_labels_are_listed_up_to_a_limit():
    names = [f"intent {n}" for n in range(500)]
    with pytest.raises(DataError, match=r"unknown label 'x' \(1 text\); .* intent 19 and 480 more$"):
        Dataset.from_lists(["a"], ["x"]).label_ids(names)


def test_numbers_are_not_normalized():
    with pytest.raises(ConfigError, match="problem regression does not support normalize_labels"):
        Reading(problem="regression", normalize_labels=True)


@pytest.mark.parametrize("cell", ["['a', \"b's\"]", '["a", "b\'s"]', " ['a', \"b's\",] "])
def test_lists_of_json_and_python_are_sets(cell):
    assert parse_label_set(cell, None) == ["a", "b's"]


@pytest.mark.parametrize("cell", ["[a, b]", "['a'", "['a', ['b']]", "[open('x')]", "{'a'}", "[" * 200])
def test_other_cells_are_not_sets(cell):
    with pytest.raises(ValueError, match="is not a list of labels"):
        parse_label_set(cell, None)


def test_whole_numbers_of_python_lists_are_labels():
    assert parse_label_set("[1, 'a']", None) == ["1", "a"]
