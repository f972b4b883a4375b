"""Workers of TF_CONFIG: valid lists, and connections by a key only."""

import json
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from textgraft.errors import ConfigError, WorkerError
from textgraft.workers import machines
from textgraft.workers.machines import KEY_VARIABLE, Cluster


def tf_config(workers=("10.0.0.1:7000", "10.0.0.2:7000"), kind="worker", index=0, **jobs):
    return json.dumps({"cluster": {"worker": list(workers), **jobs}, "task": {"type": kind, "index": index}})


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "a secret")


@pytest.mark.parametrize(
    ("config", "addresses", "worker"),
    [
        (tf_config(index=1), (("10.0.0.1", 7000), ("10.0.0.2", 7000)), 1),
        (tf_config(["b:2"], index=0, chief=["a:1"]), (("a", 1), ("b", 2)), 1),
        (tf_config(["b:2"], "chief", 0, chief=["[::1]:1"]), (("::1", 1), ("b", 2)), 0),
    ],
)
def test_addresses_and_index_are_those_of_tf_config(monkeypatch, config, addresses, worker):
    monkeypatch.setenv("TF_CONFIG", config)
    cluster = Cluster.from_environment(2)
    assert (cluster.addresses, cluster.worker) == (addresses, worker)


def test_without_tf_config_there_is_no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert Cluster.from_environment(2) is None


@pytest.mark.parametrize(
    ("config", "phrase"),
    [
        ("{", "TF_CONFIG is not valid"),
        ("[]", "TF_CONFIG is not valid"),
        ('{"cluster": {"worker": ["a:1", "b:1"]}}', "TF_CONFIG is not valid"),
        (tf_config(index=2), "no worker 2"),
        (tf_config(index=-1), "no worker -1"),
        (tf_config(kind="evaluator"), "evaluator"),
        (tf_config(ps=["c:1"]), "a cluster of ps"),
        (tf_config(["a", "b:1"]), "TF_CONFIG is not valid"),
        (tf_config(["a:1"]), "workers is 2, but TF_CONFIG lists 1"),
    ],
)
def test_invalid_tf_config_is_one_line(monkeypatch, config, phrase):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ConfigError, match=phrase):
        Cluster.from_environment(2)


def test_missing_key_is_one_line(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", tf_config())
    monkeypatch.delenv(KEY_VARIABLE)
    with pytest.raises(ConfigError, match=f"set the environment variable {KEY_VARIABLE}"):
        Cluster.from_environment(2)


def clusters(workers=2, keys=(b"k", b"k", b"k")):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    addresses = (("127.0.0.1", port), *[("127.0.0.1", 1)] * (workers - 1))
    return [Cluster(addresses, worker, keys[worker]) for worker in range(workers)]


def echo(follower):
    with follower.following():
        follower.channel.send("part", {"worker": follower.worker})
        follower.channel.receive("step")


def test_workers_with_the_key_are_connected():
    members = clusters(3)
    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(lambda member=member: echo(member.follower())) for member in reversed(members[1:])]
        with members[0].chief() as chief:
            assert chief.workers == 3
            assert [chief.receive(worker, "part").values["worker"] for worker in (1, 2)] == [1, 2]
        for future in futures:
            future.result()


def test_worker_with_another_key_and_other_programs_are_refused(monkeypatch):
    monkeypatch.setattr(machines, "_JOIN_SECONDS", 2)
    chief, follower = clusters(keys=(b"k", b"other"))
    with ThreadPoolExecutor(1) as threads:
        refused = threads.submit(follower.follower)
        with pytest.raises(WorkerError, match="worker 1 not connected after 2 s"), chief.chief():
            pass
        with pytest.raises(WorkerError, match=f"refuses worker 1; set the same {KEY_VARIABLE}"):
            refused.result()


def test_chief_without_the_key_is_refused():
    _, follower = clusters()
    with socket.create_server(follower.addresses[0]) as listener, ThreadPoolExecutor(1) as threads:
        refused = threads.submit(follower.follower)
        connection, _ = listener.accept()
        connection.sendall(b"n" * 32)
        assert connection.recv(1)
        connection.sendall(b"p" * 32)
        with pytest.raises(WorkerError, match="refuses worker 1"):
            refused.result()


def test_address_in_use_is_one_line():
    chief, _ = clusters()
    with (
        socket.create_server(chief.addresses[0]),
        pytest.raises(WorkerError, match=r"worker 0 cannot listen at 127.0.0.1"),
        chief.chief(),
    ):
        pass
