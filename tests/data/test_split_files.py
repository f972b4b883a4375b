"""Several files as the splits of a source: shards in order, and patterns of names."""

import pytest

from tests.helpers.datasets import texts_of
from textgraft.data.columns import Reading
from textgraft.data.input_rows import read_inputs
from textgraft.data.loading import load_dataset, split_names
from textgraft.errors import DataError

ROWS = [(f"text {number}", "ab"[number % 2]) for number in range(6)]


@pytest.fixture
def shards(write, tmp_path):
    def make(folder, extension):
        for index in range(3):
            write(f"{folder}/train-0000{index}-of-00003.{extension}", ROWS[2 * index : 2 * index + 2])
        write(f"{folder}/test-00000-of-00001-0123456789abcdef.{extension}", ROWS[:1])
        return tmp_path / folder

    return make


@pytest.mark.parametrize("extension", ["parquet", "jsonl", "csv"])
@pytest.mark.parametrize("folder", ["set", "set/data"])
def test_shards_of_a_folder_are_one_split_in_order(shards, extension, folder, tmp_path):
    path = shards(folder, extension)
    train, test = load_dataset(tmp_path / "set", split="train,test")
    assert (texts_of(train), len(test)) == ([text for text, _ in ROWS], 1)
    assert train.notices == (f"{tmp_path / 'set'} train: 3 files are read as one split",)
    first = {"parquet": "row 1", "jsonl": "line 1", "csv": "line 2"}[extension]
    assert train.location(4) == f"{path}/train-00002-of-00003.{extension}, {first}"


@pytest.mark.parametrize("extension", ["parquet", "jsonl", "csv"])
def test_other_columns_of_shards_are_copied(shards, extension):
    inputs = read_inputs(str(shards("set", extension)), "train", Reading(), None)
    copied = [row for batch in inputs for row in batch.column("copied").to_pylist()]
    assert [row["label"].strip('"') for row in copied] == [label for _, label in ROWS]


def test_shard_that_is_missing_is_reported(shards):
    path = shards("set", "csv")
    (path / "train-00001-of-00003.csv").unlink()
    with pytest.raises(DataError, match="2 of the 3 shards of train; get the others"):
        load_dataset(path, split="train")


def test_files_in_folders_of_splits_are_read(write, tmp_path):
    for name in ("train/0000.jsonl", "train/0001.jsonl", "test/0000.jsonl"):
        write(f"set/{name}", '{"text": "a", "label": "x"}\n')
    assert split_names(tmp_path / "set") == ("train", "test")
    assert len(load_dataset(tmp_path / "set", split="train")) == 2


@pytest.mark.parametrize("name", ["part-{:05d}.csv", "part-{:05d}-4f1c-c000.csv", "part.{}.csv"])
def test_parts_in_a_folder_are_one_split_in_natural_order(tmp_path, name):
    (tmp_path / "parts").mkdir()
    for number in (10, 9, 1):
        (tmp_path / "parts" / name.format(number)).write_text(f"text,label\ntext {number},x\n")
    for other in ("_SUCCESS", "shards.json", "party.csv"):
        (tmp_path / "parts" / other).touch()
    data = load_dataset(tmp_path / "parts")
    assert texts_of(data) == ["text 1", "text 9", "text 10"]
    assert data.notices == (f"{tmp_path / 'parts'} train: 3 files are read as one split",)


def test_parts_that_are_being_written_are_not_read(write, tmp_path):
    write("parts/part-000000.csv", [("text", "x")])
    (tmp_path / "parts" / ".unfinished").mkdir()
    with pytest.raises(DataError, match="parts: incomplete; repeat the command that writes it"):
        load_dataset(tmp_path / "parts")


def test_pattern_is_one_split_in_natural_order(write, tmp_path):
    for number in (10, 9, 1):
        write(f"part-{number}.csv", [(f"text {number}", "x")])
    data = load_dataset(f"{tmp_path}/part-*.csv")
    assert texts_of(data) == ["text 1", "text 9", "text 10"]
    assert data.location(2) == f"{tmp_path}/part-10.csv, line 2"


def test_pattern_of_shards_has_their_splits(shards):
    path = shards("set", "parquet")
    assert split_names(f"{path}/*.parquet") == ("train", "test")
    assert len(load_dataset(f"{path}/train-*.parquet")) == 6


def test_pattern_without_a_file_is_reported(tmp_path):
    with pytest.raises(DataError, match="no file that can be read matches; check the name"):
        load_dataset(f"{tmp_path}/*.csv")


def test_column_that_a_file_lacks_is_reported(write, tmp_path):
    write("a-1.csv", "text,label\na,x\n")
    write("a-2.csv", "text,mood\nb,y\n")
    with pytest.raises(DataError, match=r"a-2.csv: no column 'label', which .*a-1.csv has"):
        load_dataset(f"{tmp_path}/a-*.csv")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("messages", "spam\tWin\nham\tHello\nspam\tWin now\n", "set header to none .* set format to tsv too"),
        ("export.dat", "text;label\na;x\nb;y\n", "its content looks like csv: set format to it"),
        ("tasks.dump", '[{"text": "a"}]', "its content looks like json: set format to it"),
        (
            "old.xls",
            b"\xd0\xcf\x11\xe0",
            "an old Excel workbook or another Office file; save the table as CSV or .xlsx",
        ),
        ("notes", "nothing\nin here\n", "no format reads this file extension; set format to one of: conll, csv, "),
    ],
)
def test_file_of_unknown_extension_is_reported_with_what_it_looks_like(write, name, content, problem):
    with pytest.raises(DataError, match=problem):
        load_dataset(write(name, content))
