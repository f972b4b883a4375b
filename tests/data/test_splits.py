"""The training, validation and test sets of a run."""

import re

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.columns import Reading
from textgraft.data.splits import read_splits
from textgraft.errors import ConfigError, DataError
from textgraft.task_specs import task_spec


def read(data, **options):
    return read_splits(task_spec("text-classification"), str(data), Reading(), **options)


def sizes(splits):
    return {name: len(dataset) for name, dataset in splits.items()}


def write_rows(path, rows, start=0):
    lines = [f"text number {start + row},{'ab'[row % 2]}" for row in range(rows)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    return str(path)


def test_stratified_tenth_is_held_out(tmp_path):
    splits = read(write_rows(tmp_path / "all.csv", 100))
    assert sizes(splits) == {"train": 90, "validation": 10}
    assert splits.validation.counts() == {"a": 5, "b": 5}


def test_share_of_the_training_texts_is_held_out_for_the_test(tmp_path):
    data = write_rows(tmp_path / "all.csv", 100)
    splits = read(data, test_share=0.2)
    assert sizes(splits) == {"train": 72, "validation": 8, "test": 20}
    assert splits.test.counts() == {"a": 10, "b": 10}
    assert sizes(read(data, test_share=0.2, with_test=False)) == {"train": 72, "validation": 8}
    other = write_rows(tmp_path / "other.csv", 20, start=200)
    assert sizes(read(data, test_share=0.2, validation=other)) == {"train": 80, "validation": 20, "test": 20}
    assert splits.notices == ()


@pytest.mark.parametrize("options", [{"test": "other.csv"}, {"split": "train[:50%],train[50%:]"}])
def test_share_beside_another_test_set_is_refused(tmp_path, options):
    with pytest.raises(ConfigError, match=r"test_share holds out .*, and there is another one; drop one"):
        read(write_rows(tmp_path / "all.csv", 100), test_share=0.2, **options)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([f"t{n},{n // 2}" for n in range(100)], r"10 of 100 texts \(10.0%\) held out for validation; 40 of 50 labels"),
        ([f"t{n},{n % 2}" for n in range(16)], r"2 of 16 texts \(12.5%\) .*, more than 10%, to have a text of each"),
        ([f"t{n % 4},{n % 2}" for n in range(40)], r"10 of 40 texts \(25.0%\) .*, more than 10%, since dup"),
        ([f"t{n},{n % 40}" for n in range(41)], r"1 of 41 texts \(2.4%\) .*, less than 10%, since duplicates"),
    ],
    ids=["many labels", "few texts", "duplicates", "single texts"],
)
def test_share_that_is_not_kept_is_said(tmp_path, rows, words):
    (tmp_path / "all.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    assert [notice for notice in read(tmp_path / "all.csv").notices if re.search(words, notice)]


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("train[:60%]", {"train": 54, "validation": 6}),
        ("train[:60%],train[60%:]", {"train": 54, "validation": 6, "test": 40}),
        ("train[:60%],train[60%:80%],train[80%:]", {"train": 60, "validation": 20, "test": 20}),
    ],
)
def test_split_option_names_the_sets(tmp_path, split, expected):
    assert sizes(read(write_rows(tmp_path / "all.csv", 100), split=split)) == expected


def test_splits_of_the_source_are_used(tmp_path):
    for index, name in enumerate(("train", "dev", "test")):
        write_rows(tmp_path / f"{name}.csv", 20 + index, start=100 * index)
    assert sizes(read(tmp_path)) == {"train": 20, "validation": 21, "test": 22}


def test_named_sources_replace_splits(tmp_path):
    data, dev, test = (write_rows(tmp_path / f"{name}.csv", 20, 100 * n) for n, name in enumerate("abc"))
    splits = read(data, validation=dev, test=test)
    assert sizes(splits) == {"train": 20, "validation": 20, "test": 20}
    assert splits.notices == ()


def test_replaced_splits_are_not_read(tmp_path):
    write_rows(tmp_path / "train.csv", 20)
    (tmp_path / "test.csv").write_bytes(b"\xff\xfe")
    other = write_rows(tmp_path / "other.csv", 20, start=20)
    assert sizes(read(tmp_path, test=other)) == {"train": 18, "validation": 2, "test": 20}


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev"])
def test_validation_split_of_a_validation_source_is_used(tmp_path, name):
    data = write_rows(tmp_path / "data.csv", 20)
    (tmp_path / "folder").mkdir()
    for index, split in enumerate(("train", name)):
        write_rows(tmp_path / "folder" / f"{split}.csv", 30 + index, start=100 * index)
    assert len(read(data, validation=str(tmp_path / "folder")).validation) == 31


def test_source_of_other_splits_is_reported(tmp_path):
    data = write_rows(tmp_path / "data.csv", 20)
    (tmp_path / "folder").mkdir()
    for split in ("train", "test"):
        write_rows(tmp_path / "folder" / f"{split}.csv", 20)
    with pytest.raises(DataError, match=r"several splits \(train, test\); .* pass the file of one"):
        read(data, validation=str(tmp_path / "folder"))


def test_test_split_of_a_test_source_is_used(tmp_path):
    data = write_rows(tmp_path / "data.csv", 20)
    for name, label in (("test", "a"), ("train", "b")):
        (tmp_path / "tree" / name / label).mkdir(parents=True)
        (tmp_path / "tree" / name / label / "1.txt").write_text(f"in {name}")
    assert texts_of(read(data, test=str(tmp_path / "tree")).test)[0] == "in test"


@pytest.mark.parametrize(
    ("data", "options", "expected"),
    [
        (".", {}, {"train": 20, "validation": 20}),
        ("train.csv", {"test": "test.csv"}, {"train": 18, "validation": 2}),
        ("train.csv", {"split": "train[:50%],train[50%:60%],train[60%:]"}, {"train": 10, "validation": 2}),
    ],
    ids=["split of a folder", "named source", "slice"],
)
def test_test_texts_can_be_left_unread(tmp_path, monkeypatch, data, options, expected):
    monkeypatch.chdir(tmp_path)
    for index, name in enumerate(("train", "dev")):
        write_rows(tmp_path / f"{name}.csv", 20, start=100 * index)
    (tmp_path / "test.csv").write_bytes(b"\xff\xfe")
    assert sizes(read(data, with_test=False, **options)) == expected


def test_shared_texts_are_counted(tmp_path):
    data, test = write_rows(tmp_path / "data.csv", 20), write_rows(tmp_path / "test.csv", 20, start=16)
    (notice,) = read(data, test=test).notices
    assert "4 of 20 texts" in notice


@pytest.mark.parametrize("with_test", [True, False])
def test_set_named_twice_is_reported(tmp_path, with_test):
    data = write_rows(tmp_path / "data.csv", 40)
    with pytest.raises(ConfigError, match="test is given twice"):
        read(data, split="train[:50%],train[50%:]", test=data, with_test=with_test)


def test_too_many_slices_are_reported(tmp_path):
    with pytest.raises(ConfigError, match="split names 4 slices; name train; train,test; or train,validation,test"):
        read(write_rows(tmp_path / "data.csv", 40), split="train[:1],train[1:2],train[2:3],train[3:]")


def test_unknown_label_of_the_test_set_is_reported(tmp_path):
    (tmp_path / "odd.csv").write_text("text,label\nx,a\ny,c\n")
    with pytest.raises(DataError, match=r"odd\.csv.*'c'"):
        read(write_rows(tmp_path / "data.csv", 40), test=str(tmp_path / "odd.csv"))
