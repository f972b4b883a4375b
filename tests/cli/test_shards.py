"""`predict` and `embed` into folders of shards."""

import csv
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers.commands import (
    TAGGED_ROWS,
    assert_fails,
    run,
    run_successfully,
    start_process,
    write_conll,
    write_csv,
)  # fmt: skip
from tests.helpers.object_stores import download, s3_server, with_server
from tests.helpers.shard_writers import content_of, manifest_of
from textgraft.shards.executors import LocalExecutor
from textgraft.storage.objects import ObjectPath

NUM_ROWS = 700

with_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray, which the extra `ray` installs")


@pytest.fixture(scope="module")
def model(tiny_word_vectors, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    rows = [("a good film", "good"), ("a dull plot", "bad"), ("very good", "good"), ("so bad", "bad")] * 5
    data = write_csv(folder / "reviews.csv", rows)
    run_successfully("train", data, "--preset", tiny_word_vectors, "--fine-tune", "none", "--out", folder / "model")
    return folder / "model"


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    rng = np.random.default_rng(0)
    words = ["good", "bad", "dull", "film", "plot", 'a, "quoted" word', "naïve"]
    rows = [(str(n), " ".join(rng.choice(words, rng.integers(1, 20)))) for n in range(NUM_ROWS)]
    return write_csv(tmp_path_factory.mktemp("data") / "texts.csv", rows, ("id", "text"))


class Killed(BaseException):
    """Ends a command as SIGKILL does."""


@pytest.fixture
def kill_at_shard(monkeypatch):
    """A function that runs a command, which is killed before it commits a shard."""

    def kill_at(index, *options):
        def run_shards(self, writer, shards, staging_path):
            for computed in original(self, writer, shards, staging_path):
                if computed.span.index == index:
                    raise Killed
                yield computed

        with monkeypatch.context() as patch:
            patch.setattr(LocalExecutor, "run", run_shards)
            with pytest.raises(Killed):
                run(*options)

    original = LocalExecutor.run
    return kill_at


def test_json_lines_of_shards_are_those_of_a_file(model, texts, tmp_path):
    options = ("predict", model, texts, "--probabilities", "all")
    file = run_successfully(*options, "--out", tmp_path / "out.jsonl")
    shards = run_successfully(*options, "--out", tmp_path / "out", "--shard-format", "jsonl", "--shard-rows", 100)
    assert content_of(tmp_path / "out") == (tmp_path / "out.jsonl").read_text()
    assert [part["rows"] for part in manifest_of(tmp_path / "out")["shards"]] == [160, 512, 28]
    assert file.stderr.splitlines()[-1].replace("out.jsonl", "out") == shards.stderr.splitlines()[-1]


def test_csv_shards_have_the_header_each(model, texts, tmp_path):
    run_successfully("predict", model, texts, "--out", tmp_path / "out.csv")
    run_successfully("predict", model, texts, "--out", tmp_path / "out", "--shard-rows", 200)
    with (tmp_path / "out.csv").open(newline="") as file:
        header, *expected = csv.reader(file)
    rows = []
    for part in sorted((tmp_path / "out").glob("*.csv")):
        with part.open(newline="") as file:
            part_header, *part_rows = csv.reader(file)
        assert part_header == header
        rows += part_rows
    assert rows == expected


def test_parquet_shards_are_read_as_a_folder(model, texts, tmp_path):
    run_successfully("predict", model, texts, "--out", tmp_path / "out.parquet")
    options = ("--shard-format", "parquet", "--shard-rows", 100)
    run_successfully("predict", model, texts, "--out", tmp_path / "out", *options)
    parts = [pq.read_table(path) for path in sorted((tmp_path / "out").glob("*.parquet"))]
    assert pa.concat_tables(parts).equals(pq.read_table(tmp_path / "out.parquet"))
    again = run_successfully("predict", model, tmp_path / "out", "--columns", "id")
    assert [row.split(",")[0] for row in again.stdout.splitlines()[1:]] == [str(n) for n in range(NUM_ROWS)]


@pytest.mark.parametrize("index", [0, 2])
def test_interrupted_command_resumes(model, texts, tmp_path, kill_at_shard, index):
    options = ("predict", model, texts, "--out", tmp_path / "out", "--shard-format", "jsonl", "--shard-rows", 100)
    kill_at_shard(index, *options)
    assert len(list((tmp_path / "out").glob("part-*"))) == index
    resumed = run_successfully(*options)
    assert ("resuming after 2 shards of an interrupted run" in resumed.stderr) == (index == 2)
    fresh = run_successfully("predict", model, texts, "--out", tmp_path / "out.jsonl")
    assert content_of(tmp_path / "out") == (tmp_path / "out.jsonl").read_text()
    assert resumed.stderr.splitlines()[-1] == fresh.stderr.splitlines()[-1].replace("out.jsonl", "out")


@pytest.mark.parametrize("index", [None, 2])
def test_object_store_gets_the_files_of_a_local_folder(model, texts, tmp_path, kill_at_shard, index):
    store = ObjectPath(f"memory://bucket/{tmp_path.name}")
    (store / "texts.csv").upload(texts)
    options = ("predict", model, store / "texts.csv", "--shard-format", "jsonl", "--shard-rows", 100)
    if index is not None:
        kill_at_shard(index, *options, "--out", store / "out")
    result = run_successfully(*options, "--out", store / "out")
    assert f"to {store / 'out'}" in result.stderr
    run_successfully(*options, "--out", tmp_path / "expected")
    assert content_of(download(store / "out", tmp_path / "out")) == content_of(tmp_path / "expected")
    assert manifest_of(tmp_path / "out")["shards"] == manifest_of(tmp_path / "expected")["shards"]
    run_successfully("embed", model, f"{store}/out/part-*.jsonl", "--text", "text", "--out", store / "vectors")
    assert (store / "vectors").names() == ["part-000000.npy", "shards.json"]


def test_single_file_in_an_object_store_is_refused(model, texts):
    result = run("predict", model, texts, "--out", "memory://bucket/out.csv")
    assert_fails(result, 2, "memory://bucket/out.csv: an object store takes a folder of files")


@with_server
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", pytest.param("ray", marks=with_ray)])
def test_killed_command_resumes_in_an_object_store(model, texts, tmp_path, engine):
    options = ("predict", model, texts, "--shard-format", "jsonl", "--shard-rows", 1)
    run_successfully(*options, "--out", tmp_path / "expected")
    options = (*options, "--engine", engine)
    with s3_server() as bucket:
        store = ObjectPath(f"{bucket}/{engine}")  # the server keeps what earlier ones had
        for shards in (1, 3):
            process = start_process(*options, "--out", store)
            while sum(name.startswith("part-") for name in store.names()) < shards:
                assert process.poll() is None, process.communicate()
            process.kill()
            process.communicate()
        run_successfully(*options, "--out", store)
        assert content_of(download(store, tmp_path / "out")) == content_of(tmp_path / "expected")
    listed = [[part["sha256"] for part in manifest_of(tmp_path / name)["shards"]] for name in ("out", "expected")]
    assert listed[0] == listed[1]


def test_complete_folder_is_reported_and_overwritten_on_request(model, texts, tmp_path):
    options = ("predict", model, texts, "--out", tmp_path / "out")
    run_successfully(*options)
    assert "is complete already; pass --overwrite" in run_successfully(*options).stderr
    assert_fails(run(*options, "--columns", "id"), 3, "is of a run with another columns", "set --overwrite")
    assert_fails(run(*options, "--shard-format", "jsonl"), 3, "is of a run with another format", "set --overwrite")
    run_successfully(*options, "--columns", "id", "--overwrite")
    assert (tmp_path / "out" / "part-000000.csv").read_text().startswith("id,prediction")


def test_data_that_changed_since_the_interruption_are_reported(model, tmp_path, kill_at_shard):
    data = write_csv(tmp_path / "texts.csv", [(f"good {n}",) for n in range(200)], ("text",))
    options = ("predict", model, data, "--out", tmp_path / "out", "--shard-rows", 1)
    kill_at_shard(1, *options)
    write_csv(data, [(f"bad {n}",) for n in range(200)], ("text",))
    assert_fails(run(*options), 3, "the rows 1 to 32 of the data are not those", "set --overwrite")
    run_successfully(*options, "--overwrite")


@pytest.mark.slow
def test_entities_are_written_in_shards(tiny_bert, tmp_path):
    data = write_conll(tmp_path / "tags.conll", TAGGED_ROWS)
    run_successfully("train", data, "--preset", tiny_bert, "--epochs", 1, "--out", tmp_path / "model")
    for ending in ("jsonl", "conll"):
        run_successfully("predict", tmp_path / "model", data, "--out", tmp_path / f"out.{ending}")
        run_successfully("predict", tmp_path / "model", data, "--out", tmp_path / ending, "--shard-format", ending)
        assert content_of(tmp_path / ending) == (tmp_path / f"out.{ending}").read_text()


def test_embeddings_are_written_in_shards(tiny_bert, texts, tmp_path):
    run_successfully("embed", tiny_bert, texts, "--out", tmp_path / "out.npy")
    result = run_successfully("embed", tiny_bert, texts, "--out", tmp_path / "out", "--shard-rows", 100)
    assert f"wrote {NUM_ROWS} vectors of 16 to" in result.stderr
    parts = [np.load(path) for path in sorted((tmp_path / "out").glob("*.npy"))]
    assert len(parts) == 3
    np.testing.assert_array_equal(np.concatenate(parts), np.load(tmp_path / "out.npy"))


@pytest.mark.parametrize(
    ("options", "phrase"),
    [
        (("--out", "out.csv", "--shard-rows", 5), "--shard-rows is for a folder of files; drop it"),
        (("--out", "out", "--address", "x:1"), "--address is that of a Ray cluster; add --engine ray"),
        (("--out", "out", "--shard-format", "xlsx"), "shard_format 'xlsx' is unknown; choose one of csv, tsv, jsonl"),
        (("--out", "out", "--shard-rows", 0), "shard_rows must be at least 1, not 0"),
    ],
)
def test_options_that_do_not_fit_are_reported(model, texts, tmp_path, monkeypatch, options, phrase):
    monkeypatch.chdir(tmp_path)
    assert_fails(run("predict", model, texts, *options), 2, phrase)
    assert list(tmp_path.iterdir()) == []


def test_missing_ray_is_reported(model, texts, tmp_path, monkeypatch):
    monkeypatch.setattr("textgraft.shards.executors.find_spec", lambda name: None)
    result = run("predict", model, texts, "--engine", "ray", "--out", tmp_path / "out")
    assert_fails(result, 2, "engine ray needs ray; run: pip install 'textgraft[ray]'")


@with_ray
class TestRay:
    """In the processes of a cluster of this machine."""

    @pytest.mark.slow
    def test_run_of_one_process_is_resumed_with_the_same_result(self, model, texts, tmp_path, kill_at_shard):
        options = ("predict", model, texts, "--probabilities", "all")
        run_successfully(*options, "--out", tmp_path / "out.jsonl")
        options = (*options, "--out", tmp_path / "out", "--shard-format", "jsonl", "--shard-rows", 1)
        kill_at_shard(1, *options)
        result = run_successfully(*options, "--engine", "ray")
        assert "resuming after 1 shard of an interrupted run" in result.stderr
        assert content_of(tmp_path / "out") == (tmp_path / "out.jsonl").read_text()
        assert len(manifest_of(tmp_path / "out")["shards"]) == 4

    def test_file_is_refused(self, model, texts, tmp_path):
        result = run("predict", model, texts, "--engine", "ray", "--out", tmp_path / "out.csv")
        assert_fails(result, 2, "--engine ray writes a folder of files; pass --out with a name without an ending")
