"""fastText's lines: `__label__x __label__y text`."""

import gzip

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.columns import Reading
from textgraft.data.loading import load_dataset
from textgraft.data.streams import read_texts
from textgraft.errors import DataError

ONE = "__label__a Some text, twice .\n\n  __label__b\tmore text\n"
SETS = "__label__a __label__b __label__a some text\n__label__b more text\n"


@pytest.mark.parametrize("name", ["cooking.txt", "cooking.train", "cooking.valid", "test", "cooking.csv"])
def test_lines_are_recognized_by_their_content(write, name):
    data = load_dataset(write(name, "\ufeff" + ONE))
    assert texts_of(data) == ["Some text, twice .", "more text"]
    assert list(data.labels) == ["a", "b"]
    assert data.location(1).endswith("line 3")


def test_several_labels_are_a_set(write):
    data = load_dataset(write("sets.txt", SETS))
    assert data.problem == "multi-label"
    assert data.counts() == {"a": 1, "b": 2}
    assert texts_of(data) == ["some text", "more text"]
    with pytest.raises(DataError, match="line 1: 2 labels; set problem to multi-label"):
        load_dataset(write("sets.txt", SETS), problem="single-label")


def test_compressed_lines_are_recognized(tmp_path):
    (tmp_path / "lines.gz").write_bytes(gzip.compress(ONE.encode()))
    assert load_dataset(tmp_path / "lines.gz").counts() == {"a": 1, "b": 1}


def test_files_of_splits_are_recognized(write, tmp_path):
    for name in ("train.txt", "test.txt"):
        write(name, ONE)
    train, test = load_dataset(tmp_path, split="train,test")
    assert train.counts() == test.counts() == {"a": 1, "b": 1}


@pytest.mark.parametrize("problem", ["single-label", "multi-label"])
def test_line_without_a_label_is_unlabelled(write, problem):
    path = write("some.txt", "__label__a one\ntwo\n__label__b three\n")
    with pytest.raises(DataError, match=r"line 2: no value for 'label' \(1 in all\).* set missing_labels to drop"):
        load_dataset(path, problem=problem)
    assert len(load_dataset(path, problem=problem, missing_labels="drop")) == 2


def test_labels_are_not_predicted_on(write):
    (batch,) = read_texts(str(write("some.txt", ONE)), None, Reading())
    assert batch.texts.tolist() == [b"Some text, twice .", b"more text"]


def test_labels_are_not_read_as_text(write):
    with pytest.raises(DataError, match="line 1: a word begins with __label__; set format to fasttext"):
        load_dataset(write("some.txt", ONE), format="lines")
    with pytest.raises(DataError, match="line 2: a word begins with __label__; set format to fasttext"):
        load_dataset(write("some.txt", "first\n" + ONE))


def test_labels_may_stand_anywhere_in_a_line(write):
    data = load_dataset(write("some.txt", "some text __label__a\nmore __label__b text x__label__c\n"))
    assert [(row.text, row.label) for row in data] == [("some text", "a"), ("more text x__label__c", "b")]
