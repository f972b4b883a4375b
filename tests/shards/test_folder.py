"""Folders of shards: interruptions at any point, and what is refused."""

import os
import shutil

import pytest

from tests.helpers.shard_writers import UpperWriter, content_of, manifest_of, windows_of
from textgraft.errors import BusyError, DataError
from textgraft.shards.cutting import cut_shards
from textgraft.shards.executors import LocalExecutor, compute_shards
from textgraft.shards.folder import ShardFolder, open_shards
from textgraft.shards.local_files import LocalFiles
from textgraft.storage.syncing import sync_folder

JOB = {"data": "texts.csv"}
TEXTS = [f"text {n}" for n in range(10)]


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing is cleaned up by what catches exceptions."""


class Counting(LocalExecutor):
    """Counts the shards that it computes, and is killed before the one of an index."""

    def __init__(self, killed_before=None):
        self.computed, self.killed_before = [], killed_before

    def run(self, writer, shards, staging_path):
        for computed in super().run(writer, shards, staging_path):
            if computed.span.index == self.killed_before:
                raise Killed
            self.computed.append(computed.span.index)
            yield computed


def compute(path, texts=TEXTS, job=JOB, executor=None, overwrite=False, facts=None):
    writer = UpperWriter()
    executor = executor or Counting()
    with open_shards(path, job, ".txt", overwrite) as folder:
        if not folder.is_complete:
            folder.start(facts or executor.describe(writer))
            assert list(compute_shards(folder, cut_shards(windows_of(texts), 2), writer, executor)) == []
    return executor.computed


def test_manifest_lists_rows_and_hashes(tmp_path):
    compute(tmp_path / "out")
    manifest = manifest_of(tmp_path / "out")
    assert (manifest["format_version"], manifest["rows"], manifest["job"]) == (1, 10, JOB)
    assert [(part["file"], part["first_row"], part["rows"]) for part in manifest["shards"]] == [
        (f"part-{index:06d}.txt", 2 * index, 2) for index in range(5)
    ]
    assert manifest["shards"][0]["facts"] == {"computation": "none", "letters": 12}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"part-{index:06d}.txt" for index in range(5)),
        "shards.json",
    ]
    assert content_of(tmp_path / "out") == "".join(f"{text.upper()}\n" for text in TEXTS)


@pytest.mark.parametrize("killed_before", range(5))
def test_interrupted_run_computes_what_is_missing(tmp_path, killed_before):
    compute(tmp_path / "expected")
    with pytest.raises(Killed):
        compute(tmp_path / "out", executor=Counting(killed_before))
    assert not (tmp_path / "out" / "shards.json").exists()
    assert compute(tmp_path / "out") == list(range(killed_before, 5))
    assert content_of(tmp_path / "out") == content_of(tmp_path / "expected")
    assert manifest_of(tmp_path / "out") == manifest_of(tmp_path / "expected")


@pytest.mark.parametrize("step", ["replace", "sync", "write", "manifest"])
def test_killed_within_a_commit(tmp_path, monkeypatch, step):
    """After each step of a commit, and of the completion."""
    calls = []

    def kill(*arguments, **options):
        calls.append(arguments)
        raise Killed

    with monkeypatch.context() as patch:
        if step == "manifest":
            patch.setattr(LocalFiles, "remove_unfinished", kill)
        else:

            def sync_and_kill(path):
                sync_folder(path)
                kill(path)

            target, action = {
                "replace": ("sync_folder", kill), "sync": ("sync_folder", sync_and_kill), "write": ("os.fsync", kill),
            }[step]  # fmt: skip
            commit = ShardFolder.commit

            def patched(self, span, staged):
                if span.index == 3:
                    patch.setattr(f"textgraft.shards.local_files.{target}", action)
                commit(self, span, staged)

            patch.setattr(ShardFolder, "commit", patched)
        with pytest.raises(Killed):
            compute(tmp_path / "out")
    assert len(calls) == 1
    assert compute(tmp_path / "out") in ([3, 4], [4], [])
    assert content_of(tmp_path / "out") == "".join(f"{text.upper()}\n" for text in TEXTS)
    assert len(manifest_of(tmp_path / "out")["shards"]) == 5


def interrupted(path):
    with pytest.raises(Killed):
        compute(path, executor=Counting(3))
    return path / ".unfinished" / "journal.jsonl"


def test_incomplete_last_line_of_the_journal_is_dropped(tmp_path):
    journal = interrupted(tmp_path / "out")
    os.truncate(journal, journal.stat().st_size - 7)
    assert compute(tmp_path / "out") == [2, 3, 4]
    assert len(manifest_of(tmp_path / "out")["shards"]) == 5


def test_damaged_journal_is_reported_with_its_line(tmp_path):
    journal = interrupted(tmp_path / "out")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([lines[0], b"{}\n", *lines[2:]]))
    with pytest.raises(DataError, match=r"journal.jsonl, line 2: damaged"):
        compute(tmp_path / "out")
    assert compute(tmp_path / "out", overwrite=True) == [0, 1, 2, 3, 4]


def test_empty_journal_begins_a_run(tmp_path):
    journal = interrupted(tmp_path / "out")
    journal.write_bytes(b"")
    assert compute(tmp_path / "out") == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("change", ["alter", "remove"])
def test_committed_file_that_changed_is_computed_again(tmp_path, change):
    interrupted(tmp_path / "out")
    part = tmp_path / "out" / "part-000001.txt"
    part.write_text("altered") if change == "alter" else part.unlink()
    assert compute(tmp_path / "out") == [1, 3, 4]
    assert content_of(tmp_path / "out") == "".join(f"{text.upper()}\n" for text in TEXTS)


def test_staged_files_of_earlier_runs_are_removed_and_never_taken(tmp_path):
    interrupted(tmp_path / "out")
    staged = tmp_path / "out" / ".unfinished" / "000003-00000000.txt"
    staged.write_text("of a worker that outlived its run")
    assert compute(tmp_path / "out") == [3, 4]
    assert "outlived" not in content_of(tmp_path / "out")


def test_changed_data_are_refused(tmp_path):
    interrupted(tmp_path / "out")
    before = content_of(tmp_path / "out")
    with pytest.raises(DataError, match=r"the rows 3 to 4 of the data are not those of the interrupted run"):
        compute(tmp_path / "out", texts=[*TEXTS[:3], "another", *TEXTS[4:]])
    assert content_of(tmp_path / "out") == before
    with pytest.raises(DataError, match="the data have 1 shard and the interrupted run wrote 3"):
        compute(tmp_path / "out", texts=TEXTS[:2])
    assert compute(tmp_path / "out") == [3, 4]


def test_other_job_or_model_is_refused(tmp_path):
    interrupted(tmp_path / "out")
    with pytest.raises(DataError, match=r"another data: .texts.csv. instead of .others.csv."):
        compute(tmp_path / "out", job={"data": "others.csv"})
    with pytest.raises(DataError, match='another precision: "float32" instead of "mixed_bfloat16"'):
        compute(tmp_path / "out", facts={"precision": "mixed_bfloat16", "process": 0})
    assert compute(tmp_path / "out") == [3, 4]
    with pytest.raises(DataError, match="another data"):
        compute(tmp_path / "out", job={"data": "others.csv"})


def test_complete_folder_is_not_computed_again_unless_overwritten(tmp_path):
    assert compute(tmp_path / "out") == [0, 1, 2, 3, 4]
    assert compute(tmp_path / "out") == []
    assert compute(tmp_path / "out", texts=TEXTS[:4], overwrite=True) == [0, 1]
    assert len(list((tmp_path / "out").glob("part-*"))) == 2


def test_shards_are_overwritten_when_the_new_run_begins(tmp_path):
    compute(tmp_path / "out")
    before = content_of(tmp_path / "out"), manifest_of(tmp_path / "out")
    with open_shards(tmp_path / "out", {"data": "others.csv"}, ".txt", overwrite=True):
        pass  # an error before the model is loaded
    assert (content_of(tmp_path / "out"), manifest_of(tmp_path / "out")) == before
    with pytest.raises(Killed):
        compute(tmp_path / "out", texts=TEXTS[:6], overwrite=True, executor=Counting(1))
    assert compute(tmp_path / "out", texts=TEXTS[:6]) == [1, 2]


@pytest.mark.parametrize("content", ["{", "[]", '{"format_version": 1, "job": {}, "facts": {}}'])
def test_damaged_manifest_is_reported(tmp_path, content):
    compute(tmp_path / "out")
    (tmp_path / "out" / "shards.json").write_text(content)
    with pytest.raises(DataError, match=r"shards.json is damaged; set overwrite"):
        compute(tmp_path / "out")


def test_folders_with_other_files_are_never_written(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.tex").write_text("text")
    for overwrite in (False, True):
        with pytest.raises(DataError, match=r"also has 'thesis.tex', which is no shard"):
            compute(folder, overwrite=overwrite)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]


def test_shards_without_manifest_or_journal_are_not_touched(tmp_path):
    compute(tmp_path / "out")
    (tmp_path / "out" / "shards.json").unlink()
    with pytest.raises(DataError, match="has files of shards without"):
        compute(tmp_path / "out")
    assert compute(tmp_path / "out", overwrite=True) == [0, 1, 2, 3, 4]


def test_file_and_missing_parent_are_refused(tmp_path):
    (tmp_path / "file").write_text("text")
    with pytest.raises(DataError, match="is a file; choose another name"):
        compute(tmp_path / "file")
    with pytest.raises(DataError, match="is not a folder; create it first"):
        compute(tmp_path / "missing" / "out")


def test_two_runs_do_not_write_one_folder(tmp_path):
    with open_shards(tmp_path / "out", JOB, ".txt", False), pytest.raises(BusyError):
        compute(tmp_path / "out")


def test_rows_of_earlier_runs_count_as_progress(tmp_path):
    interrupted(tmp_path / "out")
    rows, writer = [], UpperWriter()
    with open_shards(tmp_path / "out", JOB, ".txt", False) as folder:
        folder.start(writer.describe())
        shards = cut_shards(windows_of(TEXTS), 2)
        assert list(compute_shards(folder, shards, writer, LocalExecutor(), rows.append)) == []
    assert sum(rows) == 10


def test_full_disk_is_one_line(tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(UpperWriter, "write", fail)
    with pytest.raises(DataError, match=r"cannot write .*out: No space left on device; .* bytes are free"):
        compute(tmp_path / "out")
    monkeypatch.undo()
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    assert compute(tmp_path / "copy") == [0, 1, 2, 3, 4]
