"""`serve --engine ray`: the answers of the plain server, by replicas of which one is killed."""

import os
import re
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest

from tests.helpers.commands import assert_fails, run
from tests.serving.test_process import Server

needs_serve = pytest.mark.skipif(
    find_spec("grpc_reflection") is None, reason="needs Ray Serve, which the extra `ray-serve` installs"
)

TEXTS = [f"{'good' if n % 2 else 'dull'} film number {n}" for n in range(40)]


def pids_of_replicas():
    listed = subprocess.run(["ps", "-eo", "pid,args"], check=True, capture_output=True, text=True).stdout
    return [
        int(line.split()[0])
        for line in listed.splitlines()
        if re.search(r"ray::(SERVE_REPLICA:|ServeReplica):textgraft-", line)
    ]


@pytest.fixture(scope="module")
def answers(model_folders):
    """The answers of the plain server."""
    server = Server(model_folders["binary"], "--precision", "float32")
    expected = [server.ask("POST", "/predict", {"text": text}) for text in TEXTS]
    server.stop()
    return expected


@needs_serve
@pytest.mark.slow
def test_replicas_answer_as_the_plain_server_also_when_one_is_killed(model_folders, answers):
    server = Server(model_folders["binary"], "--precision", "float32", "--engine", "ray", "--replicas", 2, patience=500)
    assert [server.ask("POST", "/predict", {"text": text}) for text in TEXTS] == answers
    replicas = pids_of_replicas()
    assert len(replicas) >= 2  # a replica may have a child for a moment
    done = threading.Event()

    def ask_until_done(index):
        results = []
        while not done.is_set():
            results.append(server.ask("POST", "/predict", {"text": TEXTS[index]}) == answers[index])
        return results

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(ask_until_done, index) for index in range(8)]
        threading.Event().wait(2)
        os.kill(min(replicas), signal.SIGKILL)
        threading.Event().wait(10)
        done.set()
        results = [result for client in clients for result in client.result()]
    assert len(results) > 50
    assert all(results)
    server.stop()
    assert not pids_of_replicas()


def test_options_of_replicas_need_the_engine(tmp_path):
    assert_fails(run("serve", tmp_path, "--replicas", 2), 2, "replicas needs --engine ray")
    assert_fails(
        run("serve", tmp_path, "--address", "127.0.0.1:1"), 2, "--address is that of a Ray cluster; add --engine ray"
    )


def test_missing_ray_serve_is_reported(model_folders, monkeypatch):
    monkeypatch.setattr("textgraft.serving.replicas.find_spec", lambda name: None)
    result = run("serve", model_folders["binary"], "--port", 0, "--engine", "ray")
    assert_fails(result, 2, "serve --engine ray needs Ray Serve; run: pip install 'textgraft[serve,ray-serve]'")
