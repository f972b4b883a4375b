"""Folders of shards in an object store: of fsspec's memory, and of a server of S3 where moto is installed."""

import os

import pytest

from tests.helpers.object_stores import download, s3_server, with_server
from tests.helpers.shard_writers import content_of, manifest_of
from tests.shards.test_folder import JOB, TEXTS, Counting, Killed, compute
from textgraft.errors import BusyError, ConfigError, DataError
from textgraft.shards import object_files
from textgraft.shards.folder import open_shards
from textgraft.storage.objects import ObjectPath


@pytest.fixture(scope="module")
def server():
    with s3_server() as bucket:
        yield bucket


@pytest.fixture(params=["memory", pytest.param("s3", marks=[with_server, pytest.mark.slow])])
def folder(request):
    """A folder in which nothing is yet."""
    root = "memory://bucket" if request.param == "memory" else request.getfixturevalue("server")
    return ObjectPath(f"{root}/{os.urandom(4).hex()}")


@pytest.mark.parametrize("killed_before", [None, 0, 3])
def test_objects_are_those_of_a_local_folder(folder, tmp_path, killed_before):
    compute(tmp_path / "expected")
    if killed_before is not None:
        with pytest.raises(Killed):
            compute(folder, executor=Counting(killed_before))
        assert ".unfinished" in folder.names()
        assert "shards.json" not in folder.names()
    assert compute(folder) == list(range(killed_before or 0, 5))
    out = download(folder, tmp_path / "out")
    assert content_of(out) == content_of(tmp_path / "expected")
    assert manifest_of(out) == manifest_of(tmp_path / "expected")
    assert compute(folder) == []


@pytest.mark.parametrize("step", ["remove", "write", "copy_from"])
def test_killed_within_a_commit(folder, tmp_path, monkeypatch, step):
    """After the copy, after the record, and before both."""

    def kill(self, *arguments):
        raise Killed

    with monkeypatch.context() as patch:
        commit = object_files.ObjectFiles.publish

        def publish(self, staged, name, record):
            if name == "part-000003.txt":
                patch.setattr(ObjectPath, step, kill)
            commit(self, staged, name, record)

        patch.setattr(object_files.ObjectFiles, "publish", publish)
        with pytest.raises(Killed):
            compute(folder)
    assert compute(folder) == ([4] if step == "remove" else [3, 4])
    assert content_of(download(folder, tmp_path / "out")) == "".join(f"{text.upper()}\n" for text in TEXTS)


@pytest.mark.parametrize("change", ["alter", "remove"])
def test_committed_object_that_changed_is_computed_again(folder, change):
    with pytest.raises(Killed):
        compute(folder, executor=Counting(3))
    part = folder / "part-000001.txt"
    part.write(b"altered") if change == "alter" else part.remove()
    assert compute(folder) == [1, 3, 4]


def test_later_command_takes_the_folder_over(folder, tmp_path):
    later = []

    class Later(Counting):
        def run(self, writer, shards, staging_path):
            for computed in super().run(writer, shards, staging_path):
                if computed.span.index == 2:
                    with pytest.raises(Killed):
                        compute(folder, executor=Counting(4))
                    later.append(sorted(name for name in folder.names() if name.startswith("part-")))
                yield computed

    with pytest.raises(BusyError, match="another command writes this folder since then"):
        compute(folder, executor=Later())
    assert later == [[f"part-{index:06d}.txt" for index in range(4)]]
    assert compute(folder) == [4]
    assert content_of(download(folder, tmp_path / "out")) == "".join(f"{text.upper()}\n" for text in TEXTS)


def test_other_job_and_other_objects_are_refused(folder):
    compute(folder)
    with pytest.raises(DataError, match="another data"):
        compute(folder, job={"data": "others.csv"})
    assert compute(folder, texts=TEXTS[:4], overwrite=True) == [0, 1]
    assert folder.names() == ["part-000000.txt", "part-000001.txt", "shards.json"]
    (folder / "thesis.tex").write(b"text")
    with pytest.raises(DataError, match=r"also has 'thesis.tex', which is no shard"):
        compute(folder)
    with pytest.raises(DataError, match="is an object; choose another name"):
        compute(folder / "thesis.tex")


def test_interrupted_overwriting_is_resumed(folder):
    compute(folder)
    with pytest.raises(Killed):
        compute(folder, texts=TEXTS[:6], overwrite=True, executor=Counting(1))
    assert compute(folder, texts=TEXTS[:6]) == [1, 2]


def test_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(ConfigError, match="set the credentials in the environment") as error:
        ObjectPath.parse("s3://AKIA:secret@bucket/folder")
    assert "secret" not in str(error.value)


def test_unknown_scheme_is_reported():
    with pytest.raises(DataError, match=r"^unknown://x/out: cannot be used \(Protocol not known"):
        compute(ObjectPath.parse("unknown://x/out"))


@with_server
@pytest.mark.slow
def test_missing_bucket_is_reported(server):
    with pytest.raises(DataError, match=r"cannot be used \(.*; check the address, and the credentials"):
        compute(ObjectPath.parse("s3://absent-bucket/out"))


@pytest.mark.parametrize("job", [JOB])
def test_opening_writes_nothing(folder, job):
    with open_shards(folder, job, ".txt", False):
        pass
    assert folder.names() == []
