"""The check of given sets before a training."""

import re

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.dataset import Dataset
from textgraft.data_checks import training_check
from textgraft.data_checks.training_check import TrainingCheck
from textgraft.errors import LeakError

LONG = " ".join(f"word{index}" for index in range(40))


def made(source, *texts):
    return Dataset.from_lists(list(texts), ["a", "b"] * (len(texts) // 2) + ["a"] * (len(texts) % 2), source)


TRAIN = made("train.csv", "one", "two", LONG, "three", "one")
CLEAN, LEAKING = made("dev.csv", "four", "five"), made("test.csv", "Two ", "six", f"{LONG} more")


def test_clean_sets_pass():
    train, notices = TrainingCheck()(TRAIN, {"validation": CLEAN})
    assert train is TRAIN
    assert notices == ("train.csv: 1 of 5 texts repeat an earlier one",)
    assert TrainingCheck()(CLEAN, {}) == (CLEAN, ())


def test_leak_is_one_line_with_an_example_and_remedies():
    with pytest.raises(LeakError) as error:
        TrainingCheck()(TRAIN, {"validation": CLEAN, "test": LEAKING})
    assert str(error.value) == (
        "test.csv: 2 of 3 texts also occur in train.csv, 1 of them nearly, such as test.csv, row 1 and train.csv, "
        "row 2; set drop_duplicates to leave these texts out of the training, or set allow_leaks"
    )


def test_near_leak_alone_is_reported():
    near = made("test.csv", "six", f"{LONG} more")
    with pytest.raises(
        LeakError, match=r"1 of 2 texts .*, 1 of them nearly, such as test.csv, row 2 and train.csv, row 3"
    ):
        TrainingCheck()(TRAIN, {"test": near})


def test_allowed_leak_is_counted():
    train, notices = TrainingCheck(allow=True)(TRAIN, {"test": LEAKING})
    assert train is TRAIN
    assert re.match("test.csv: 2 of 3 texts also occur in train.csv", notices[1])


def test_repeated_texts_are_dropped_from_the_training():
    train, notices = TrainingCheck(drop=True)(TRAIN, {"test": LEAKING})
    assert texts_of(train) == ["one", "three", "one"]
    assert notices[1] == "train.csv: 2 of 5 texts dropped, which occur in a given set"
    assert TrainingCheck(drop=True)(TRAIN, {"test": CLEAN})[0] is TRAIN


def test_training_set_without_other_texts_is_reported():
    with pytest.raises(LeakError, match=r"each of its 5 texts occurs in train.csv; use other texts"):
        TrainingCheck(drop=True)(TRAIN, {"test": TRAIN})


def test_sample_of_a_large_set_is_stated(monkeypatch):
    monkeypatch.setattr(training_check, "_MAX_BYTES", 100)
    train = made("train.csv", *(f"text number {index} of many" for index in range(100)))
    _, notices = TrainingCheck()(train, {"test": CLEAN})
    assert re.fullmatch(r"train.csv: near duplicates were searched in \d of 100 texts; textgraft check .*", notices[0])
    with pytest.raises(LeakError, match=r"test.csv: 1 of 1 texts also occur in train.csv, such as"):
        TrainingCheck()(train, {"test": made("test.csv", "text number 99 of many")})
