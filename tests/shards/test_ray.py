"""Shards in the workers of a Ray cluster."""

import re

import pytest

pytest.importorskip("ray", reason="needs ray, which the extra `ray` installs")

from tests.helpers.shard_writers import UpperWriter, content_of, manifest_of, windows_of
from textgraft.errors import ConfigError, DataError, TextgraftError
from textgraft.shards import scheduling
from textgraft.shards.cutting import cut_shards
from textgraft.shards.executors import compute_shards
from textgraft.shards.folder import open_shards
from textgraft.shards.ray_executor import RayExecutor

TEXTS = [f"text {n}" for n in range(60)]
EXPECTED = "".join(f"{text.upper()}\n" for text in TEXTS)


@pytest.fixture(scope="module")
def messages():
    return []


@pytest.fixture(scope="module")
def cluster(messages):
    with RayExecutor(None, 1, messages.append) as executor:
        yield executor


def compute(path, cluster, writer, texts=TEXTS):
    with open_shards(path, {}, ".txt", False) as folder:
        folder.start(cluster.describe(writer))
        return list(compute_shards(folder, cut_shards(windows_of(texts), 2), writer, cluster))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1", "[::1]:x"])
def test_wrong_address_is_reported_in_one_line(address):
    with pytest.raises(ConfigError, match=rf"^no Ray cluster at {re.escape(address)}: .*; pass HOST:PORT of one$"):
        RayExecutor(address, 1, print).__enter__()


def test_shards_are_those_of_one_process(cluster, tmp_path):
    assert compute(tmp_path / "out", cluster, UpperWriter()) == []
    assert content_of(tmp_path / "out") == EXPECTED
    assert [part["first_row"] for part in manifest_of(tmp_path / "out")["shards"]] == list(range(0, 60, 2))


def test_killed_workers_cost_their_shards_only(cluster, messages, tmp_path):
    writer = UpperWriter(fatal_text="text 21", deaths=str(tmp_path / "deaths"), num_deaths=2)
    messages.clear()
    compute(tmp_path / "out", cluster, writer)
    assert content_of(tmp_path / "out") == EXPECTED
    lost = [message for message in messages if message.startswith("rows 21 to 22: the worker ended")]
    assert len(lost) == 2
    assert lost[0].endswith("computing them again")


@pytest.mark.slow
def test_rows_that_always_kill_are_named(cluster, monkeypatch, tmp_path):
    monkeypatch.setattr(scheduling, "MAX_ATTEMPTS", 2)
    writer = UpperWriter(fatal_text="text 3", deaths=str(tmp_path / "deaths"), num_deaths=100)
    with pytest.raises(TextgraftError, match=r"rows 3 to 4: the worker ended \(\w+\) at each of 2 attempts"):
        compute(tmp_path / "out", cluster, writer)
    resumed = UpperWriter()
    compute(tmp_path / "out", cluster, resumed)
    assert content_of(tmp_path / "out") == EXPECTED


def test_error_in_a_worker_is_the_one_that_it_raised(cluster, tmp_path):
    with pytest.raises(DataError, match=r"^a text is 'error'; remove it$"):
        compute(tmp_path / "out", cluster, UpperWriter(), [*TEXTS, "error"])


def test_warnings_of_workers_are_returned(cluster, tmp_path):
    assert compute(tmp_path / "out", cluster, UpperWriter(), ["warning", *TEXTS]) == ["a warning of a worker"]


def test_more_threads_than_a_machine_has_are_refused(cluster):
    with pytest.raises(ConfigError, match="threads 1000 is above the"):
        cluster.require_threads(1000)


def test_interruption_is_raised_while_workers_compute(cluster, monkeypatch, tmp_path):
    def stop():
        if any((tmp_path / "out").glob("part-*")):
            raise KeyboardInterrupt

    monkeypatch.setattr(cluster, "on_poll", stop)
    with pytest.raises(KeyboardInterrupt):
        compute(tmp_path / "out", cluster, UpperWriter())
    monkeypatch.undo()
    compute(tmp_path / "out", cluster, UpperWriter())
    assert content_of(tmp_path / "out") == EXPECTED
