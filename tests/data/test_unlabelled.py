"""Texts without labels beside labelled ones: how they are read, and which are used."""

import numpy as np
import pytest

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.file_options import FileOptions
from textgraft.data.splits import read_splits
from textgraft.data.unlabelled import choose_unlabelled, exclude_texts, read_unlabelled
from textgraft.errors import ConfigError, DataError
from textgraft.task_specs import task_spec

ROLES = {"text": "review", "label": "label"}


def read(path, **reading):
    return read_unlabelled(str(path), Reading(**reading), ROLES)


def texts(data):
    return [row.text for row in data]


def test_formats_of_texts_are_read_and_empty_ones_are_dropped(write):
    data = read(write("many.txt", "a\n\nb\n"))
    assert texts(data) == ["a", "b"]
    assert any("1 empty text dropped" in line for line in data.notices)
    assert texts(read(write("many.jsonl", '{"review": "a"}\n{"review": "b"}\n'))) == ["a", "b"]


def test_text_column_is_that_of_the_training_or_inferred(write):
    assert texts(read(write("a.csv", "text,review\nx,a\n"))) == ["a"]
    path = write("b.csv", "text,id\na,1\n")
    data = read(path)
    assert texts(data) == ["a"]
    assert data.notices == (f"{path}: no column 'review', as in training; the text is read from 'text'",)


def test_labels_are_ignored(write):
    path = write("a.csv", "review,label\na,x\n")
    data = read(path)
    assert data.labels is None
    assert data.notices == (f"{path}: the column 'label' is ignored; the texts count as unlabelled",)


def test_options_of_files_apply_and_those_of_labels_do_not(write):
    path = write("a.csv", "review;label\na;\n")
    file = FileOptions(delimiter=";")
    assert texts(read(path, file=file, problem="multi-label", label_separator="|", normalize_labels=True)) == ["a"]
    with pytest.raises(ConfigError, match="does not support delimiter"):
        read(write("a.jsonl", '{"review": "a"}\n'), file=file)


def test_split_for_unlabelled_texts_is_read(write, tmp_path):
    write("set/train.txt", "a\n")
    write("set/unsupervised.txt", "b\n")
    assert texts(read(tmp_path / "set")) == ["b"]
    write("others/dev.txt", "a\n")
    write("others/test.txt", "b\n")
    with pytest.raises(DataError, match=r"none of its splits \(dev, test\) is named unlabelled; pass a file"):
        read(tmp_path / "others")


def test_texts_of_other_sets_are_counted_and_not_used():
    data = Dataset.from_lists(["a", "b", "C ", "d"], source="many")
    chosen = exclude_texts(data, {"train": Dataset.from_lists(["c", "e"]), "test": Dataset.from_lists(["A", "c"])})
    assert texts(chosen) == ["b", "d"]
    assert chosen.notices == (
        "many: 1 of 4 unlabelled texts not used: also among the train texts",
        "many: 1 of 4 unlabelled texts not used: also among the test texts",
    )


def test_repeated_and_empty_texts_are_counted_and_not_used():
    chosen = choose_unlabelled(Dataset.from_lists(["b", "a", "B", " "], source="many"), {}, 10, 0)
    assert texts(chosen) == ["b", "a"]
    assert chosen.notices == ("many: 2 of 4 unlabelled texts not used: empty or repeated",)


def test_a_limit_draws_at_random():
    data = Dataset.from_lists([f"text {number}" for number in range(100)], source="many")
    first, again, other = (choose_unlabelled(data, {}, 10, seed) for seed in (0, 0, 1))
    assert len(first) == 10
    assert texts(first) == texts(again) != texts(other)
    assert texts(first) == sorted(texts(first), key=texts(data).index)
    assert first.notices == ("many: 10 of 100 unlabelled texts used, drawn at random",)


def test_size_of_all_texts_is_limited():
    data = Dataset.from_lists([f"text {row:03}" for row in range(100)], source="many")
    for max_bytes, chosen in ((23, 2), (1, 1), (8 * 70, 50)):
        assert len(choose_unlabelled(data, {}, 50, 0, max_bytes)) == chosen


def test_nothing_new_is_reported():
    data = Dataset.from_lists(["a", "b"], source="many")
    with pytest.raises(
        DataError, match=r"many: no unlabelled text is new \(many: 2 of 2 .* also among the train.*; add texts"
    ):
        exclude_texts(data, {"train": data})
    with pytest.raises(DataError, match=r"many: no unlabelled text is new .* empty or repeated"):
        choose_unlabelled(Dataset.from_lists([" ", ""], source="many"), {}, 10, 0)


def test_pairs_are_refused():
    with pytest.raises(DataError, match="holds pairs of texts; unlabelled texts must be single texts"):
        exclude_texts(Dataset.from_lists(["a"], pairs=["b"]), {})


def test_test_texts_are_excluded_when_the_sets_are_read(write):
    rows = "".join(f"text {number},{'xy'[number % 2]}\n" for number in range(40))
    train, test = write("train.csv", f"text,label\n{rows}"), write("test.csv", "text,label\nnew,x\nother,y\n")
    many = write("many.txt", "new\nunknown\n")
    reading = Reading()
    splits = read_splits(task_spec("text-classification"), str(train), reading, test=str(test), unlabelled=str(many))
    assert texts(splits.unlabelled) == ["unknown"]
    assert [name for name, _ in splits.items()] == ["train", "validation", "unlabelled", "test"]
    assert splits.unlabelled.notices == (f"{many}: 1 of 2 unlabelled texts not used: also among the test texts",)
    assert np.all([len(part) for _, part in splits.items()])
