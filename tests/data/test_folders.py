"""Folders of labels, and folders of splits."""

from pathlib import Path

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.loading import load_dataset, split_names
from textgraft.errors import DataError


@pytest.fixture
def acl(write, tmp_path):
    """The tree of the Large Movie Review Dataset, with the files beside its texts."""
    for split in ("train", "test"):
        for number in range(20):
            write(f"acl/{split}/pos/{number}_9.txt", f"{split} good {number}")
            write(f"acl/{split}/neg/{number}_1.txt", f"{split} bad {number}")
        write(f"acl/{split}/urls_pos.txt", "http://example.org\n")
        write(f"acl/{split}/labeledBow.feat", "9 0:1\n")
    for number in range(3):
        write(f"acl/train/unsup/{number}_0.txt", "who knows")
    write("acl/README", "read me")
    write("acl/imdb.vocab", "the\n")
    return tmp_path / "acl"


def test_folders_are_splits_and_labels(acl):
    assert set(split_names(acl)) == {"train", "test"}
    train, test = load_dataset(acl, split="train,test")
    assert train.counts() == test.counts() == {"neg": 20, "pos": 20}
    for row, label in enumerate(train.labels):
        assert texts_of(train)[row].startswith("train good" if label == "pos" else "train bad")
    assert train.notices == (f"{acl / 'train'}: ignoring 3 texts without a label (unsup)",)
    assert test.notices == ()


def test_split_folder_loads_on_its_own(acl):
    assert load_dataset(acl / "test").counts() == {"neg": 20, "pos": 20}


def test_order_is_fixed_and_shuffled(acl):
    data = load_dataset(acl, split="train")
    again = load_dataset(acl, split="train")
    assert data.fingerprint() == again.fingerprint()
    assert set(load_dataset(acl, split="train[:50%]").counts()) == {"neg", "pos"}


def test_location_is_the_file(acl):
    data = load_dataset(acl, split="test")
    place = data.location(5)
    assert Path(place).read_text() == texts_of(data)[5]


def test_text_is_the_whole_file_unchanged(write, tmp_path):
    write("root/x/1.txt", "\ufeff two\r\nlines\n")
    assert texts_of(load_dataset(tmp_path / "root"))[0] == " two\r\nlines\n"


def test_errors_name_the_file(write, tmp_path):
    write("root/x/1.txt", "fine")
    bad = write("root/y/2.txt", b"one\ntw\xff\n")
    with pytest.raises(DataError, match=f"{bad}, line 2: the byte at offset 6"):
        load_dataset(tmp_path / "root")
    bad.write_text(" ")
    with pytest.raises(DataError, match=f"^{bad}: the text is empty"):
        load_dataset(tmp_path / "root")


def test_files_named_after_splits_are_splits(write, tmp_path):
    write("set/test.csv", [("c", "x")])
    write("set/train.csv", [("a", "x"), ("b", "y")])
    write("set/dev.jsonl.gz", [("d", "y")])
    write("set/unlabelled.txt", "e\nf\n")
    write("set/README.txt", "not data")
    write("set/train.md", "nor this")
    assert split_names(tmp_path / "set") == ("train", "dev", "test", "unlabelled")
    train, dev, more = load_dataset(tmp_path / "set", split="train,dev,unlabelled")
    assert (texts_of(train)[1], texts_of(dev)[0], texts_of(more)[1]) == ("b", "d", "f")
    assert train.source == str(tmp_path / "set" / "train.csv")


def test_two_files_of_one_split_are_reported(write, tmp_path):
    write("set/train.csv", [("a", "x")])
    write("set/train.tsv", [("a", "x")])
    with pytest.raises(DataError, match=r"both train\.csv and train\.tsv are train; remove one"):
        load_dataset(tmp_path / "set")


def test_several_splits_need_a_choice(acl):
    with pytest.raises(DataError, match=r"several splits \(test, train\); set split to one"):
        load_dataset(acl)
    with pytest.raises(DataError, match="no split 'dev'; it has: test, train"):
        load_dataset(acl, split="dev")


def test_files_other_than_txt_are_counted(write, tmp_path):
    for name in ("pos/1.txt", "pos/2.TXT", "neg/1.txt", "neutral/1.TXT", "neg/.hidden"):
        write(f"root/{name}", "text")
    data = load_dataset(tmp_path / "root")
    assert data.counts() == {"neg": 1, "pos": 1}
    assert data.notices == (f"{tmp_path / 'root'}: ignoring 2 files that do not end in .txt",)


@pytest.mark.parametrize("stray", ["test/1.txt", "other/2.txt"])
def test_labels_beside_splits_are_reported(write, tmp_path, stray):
    for name in ("train/pos/1.txt", "train/neg/1.txt", stray):
        write(f"root/{name}", "text")
    with pytest.raises(DataError, match=f"{stray.split('/')[0]} holds texts, like a label, but train beside it"):
        load_dataset(tmp_path / "root")


def test_file_name_that_is_not_utf8_is_reported_on_one_line(write, tmp_path):
    write("root/x/1.txt", "fine")
    bad = tmp_path / "root" / "x" / b"caf\xe9.txt".decode("utf-8", "surrogateescape")
    try:
        bad.write_text("fine")
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    with pytest.raises(DataError, match="the name has a byte that is not UTF-8; rename the file"):
        load_dataset(tmp_path / "root")
