"""Sources in an object store are read as those on a disk."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import textgraft as tg
from textgraft.errors import DataError
from textgraft.storage.objects import ObjectPath

ROWS = [(f"text {index}", "ab"[index % 2]) for index in range(6)]


@pytest.fixture
def folder():
    return ObjectPath(f"memory://bucket/{os.urandom(4).hex()}")


def write(folder, name, rows, tmp_path):
    path = tmp_path / name
    if name.endswith(".parquet"):
        pq.write_table(pa.table({"text": [row[0] for row in rows], "label": [row[1] for row in rows]}), path)
    elif name.endswith(".jsonl"):
        path.write_text("".join(f'{{"text": "{text}", "label": "{label}"}}\n' for text, label in rows))
    else:
        path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    (folder / name).upload(path)


def rows_of(source):
    return [
        (text.decode(), label)
        for batch in tg.load_dataset(str(source)).batches()
        for text, label in zip(batch.texts, batch.labels, strict=True)
    ]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_object_pattern_and_folder_are_read_in_order(folder, tmp_path, ending):
    write(folder, f"part-000010.{ending}", ROWS[4:], tmp_path)
    write(folder, f"part-000002.{ending}", ROWS[:4], tmp_path)
    (folder / "shards.json").write(b"{}")
    assert rows_of(folder) == ROWS
    assert rows_of(folder / f"part-*.{ending}") == ROWS
    assert rows_of(folder / f"part-000002.{ending}") == ROWS[:4]


def test_objects_that_are_named_after_splits_are_splits(folder, tmp_path):
    write(folder, "train.csv", ROWS[:4], tmp_path)
    write(folder, "test.csv", ROWS[4:], tmp_path)
    assert len(tg.load_dataset(str(folder), split="test")) == 2


def test_copies_are_removed(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "copies"))
    (tmp_path / "copies").mkdir()
    for index in range(2):
        write(folder, f"part-{index:06d}.csv", ROWS, tmp_path)
    assert len(rows_of(folder)) == 12
    assert not list((tmp_path / "copies").glob("textgraft-object-*"))


def test_errors_name_the_address(folder, tmp_path):
    (folder / "data.csv").write(b"text,label\na,b\nc\n")
    with pytest.raises(DataError, match=rf"^{folder}/data.csv, line 3"):
        rows_of(folder / "data.csv")
    with pytest.raises(DataError, match=rf"^{folder}/absent: no object that can be read"):
        rows_of(folder / "absent")
    (folder / "run" / ".unfinished" / "writer").write(b"")
    write(folder / "run", "part-000000.csv", ROWS, tmp_path)
    with pytest.raises(DataError, match=r"incomplete; repeat the command that writes it"):
        rows_of(folder / "run")
