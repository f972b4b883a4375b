"""Which texts a run trains on, judges epochs by, and is tested on."""

import pytest

from textgraft.data.reading import Reading
from textgraft.data.splits import read_splits
from textgraft.errors import ConfigError, DataError
from textgraft.task_specs.text_classification import TextClassificationSpec

HOW = Reading()


def write(path, rows, first=0):
    lines = [f"text number {first + row},{'ab'[row % 2]}" for row in range(rows)]
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    return str(path)


def sizes(parts):
    return {name: len(part) for name, part in parts.items()}


def test_a_tenth_is_held_back(tmp_path):
    parts = read_splits(TextClassificationSpec, write(tmp_path / "all.csv", 100), HOW)
    assert sizes(parts) == {"train": 90, "validation": 10}
    assert parts.validation.counts() == {"a": 5, "b": 5}


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("train[:60%]", {"train": 54, "validation": 6}),
        ("train[:60%],train[60%:]", {"train": 54, "validation": 6, "test": 40}),
        ("train[:60%],train[60%:80%],train[80%:]", {"train": 60, "validation": 20, "test": 20}),
    ],
)
def test_split_names_the_parts(tmp_path, split, expected):
    assert sizes(read_splits(TextClassificationSpec, write(tmp_path / "all.csv", 100), HOW, split=split)) == expected


def test_a_source_with_splits_uses_its_own(tmp_path):
    for number, name in enumerate(("train", "dev", "test")):
        write(tmp_path / f"{name}.csv", 20 + number, first=100 * number)
    assert sizes(read_splits(TextClassificationSpec, str(tmp_path), HOW)) == {"train": 20, "validation": 21, "test": 22}


def test_sources_of_their_own_win(tmp_path):
    data, dev, test = (write(tmp_path / f"{name}.csv", 20, 100 * n) for n, name in enumerate("abc"))
    parts = read_splits(TextClassificationSpec, data, HOW, validation=dev, test=test)
    assert sizes(parts) == {"train": 20, "validation": 20, "test": 20}
    assert parts.notices == ()


def test_a_test_source_with_splits_gives_its_test_split(tmp_path):
    data = write(tmp_path / "data.csv", 20)
    for name, label in (("test", "a"), ("train", "b")):
        (tmp_path / "tree" / name / label).mkdir(parents=True)
        (tmp_path / "tree" / name / label / "1.txt").write_text(f"in {name}")
    parts = read_splits(TextClassificationSpec, data, HOW, test=str(tmp_path / "tree"))
    assert parts.test.text_at(0) == "in test"


def test_test_texts_can_be_left_unread(tmp_path):
    """Wherever they are: a folder's own split, a source of its own, a part of the data."""
    for number, name in enumerate(("train", "dev")):
        write(tmp_path / f"{name}.csv", 20, first=100 * number)
    (tmp_path / "test.csv").write_bytes(b"\xff\xfe")
    assert sizes(read_splits(TextClassificationSpec, str(tmp_path), HOW, with_test=False)) == {
        "train": 20,
        "validation": 20,
    }
    data = str(tmp_path / "train.csv")
    assert sizes(
        read_splits(TextClassificationSpec, data, HOW, test=str(tmp_path / "test.csv"), with_test=False)
    ).keys() == {
        "train",
        "validation",
    }
    split = "train[:50%],train[50%:60%],train[60%:]"
    assert sizes(read_splits(TextClassificationSpec, data, HOW, split=split, with_test=False)) == {
        "train": 10,
        "validation": 2,
    }
    with pytest.raises(ConfigError, match="test is given twice"):
        read_splits(TextClassificationSpec, data, HOW, split=split, test=data, with_test=False)


def test_shared_texts_are_counted(tmp_path):
    data, test = write(tmp_path / "data.csv", 20), write(tmp_path / "test.csv", 20, first=16)
    (notice,) = read_splits(TextClassificationSpec, data, HOW, test=test).notices
    assert "4 of 20 texts" in notice


def test_what_makes_no_sense(tmp_path):
    data = write(tmp_path / "data.csv", 40)
    with pytest.raises(ConfigError, match="4 parts"):
        read_splits(TextClassificationSpec, data, HOW, split="train[:1],train[1:2],train[2:3],train[3:]")
    with pytest.raises(ConfigError, match="given twice"):
        read_splits(TextClassificationSpec, data, HOW, split="train[:50%],train[50%:]", test=data)
    (tmp_path / "odd.csv").write_text("text,label\nx,a\ny,c\n")
    with pytest.raises(DataError, match=r"odd\.csv.*'c'"):
        read_splits(TextClassificationSpec, data, HOW, test=str(tmp_path / "odd.csv"))
