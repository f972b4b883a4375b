"""Checks before a training run."""

import re

import pytest

from textgraft.data.dataset import Dataset
from textgraft.data.loading import load_dataset
from textgraft.data.splits import check_training, shared_texts
from textgraft.errors import DataError


def made(source, *rows):
    return Dataset.from_lists([text for text, _ in rows], [label for _, label in rows], source)


TRAIN = made("train", ("a", "x"), ("b", "y"), ("c", "x"), ("f", "y"))


def test_valid_sets_pass():
    assert check_training(TRAIN) == ()
    assert check_training(TRAIN, made("test", ("d", "x")), made("dev", ("e", "y"))) == ()


def test_texts_shared_by_two_sets_are_counted():
    dev, test = made("dev", ("A ", "x"), ("d", "y")), made("test", ("D", "x"), ("d ", "x"), (" b", "y"), ("a", "y"))
    assert shared_texts(TRAIN, dev, test) == (
        "dev: 1 of 2 texts also occur in train",
        "test: 2 of 4 texts also occur in train",
        "test: 3 of 4 texts also occur in dev",
    )


def test_texts_with_different_labels_are_counted_with_an_example():
    data = Dataset.from_lists(["one", "two", "One ", "two", "three", "two"], ["a", "b", "b", "b", "a", "b"])
    (notice,) = check_training(data)
    assert re.search(r"1 text with different labels in different rows, .*row 1 \(a\) and .*row 3 \(b\); ", notice)


def test_single_label_is_reported():
    with pytest.raises(DataError, match="train: every text has the label 'x'; training needs at least two"):
        check_training(made("train", ("a", "x"), ("b", "x")))


def test_unknown_label_is_reported_with_count_and_line(write):
    path = write("test.csv", [("a", "x"), ("b", "z"), ("c", "z")])
    with pytest.raises(DataError, match=rf"{path}, line 3: unknown label 'z' \(2 texts\); .*: x, y"):
        check_training(TRAIN, load_dataset(path))


def test_missing_label_column_is_reported():
    with pytest.raises(DataError, match="the texts have no labels"):
        check_training(Dataset.from_lists(["a"]))
    with pytest.raises(DataError, match="the texts have no labels"):
        check_training(TRAIN, Dataset.from_lists(["a"]))
