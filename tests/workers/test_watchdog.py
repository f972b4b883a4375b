"""A worker that computes ends after worker 0 has ended; one that ends by itself does not end the process."""

import subprocess
import sys
from pathlib import Path

import pytest

from textgraft.errors import WorkerError

_WORKER = """
import os, socket, sys, time
from textgraft.workers import watchdog
from textgraft.workers.channel import Channel

watchdog._GRACE_SECONDS = float(sys.argv[1])
connection, other = socket.socketpair()
with watchdog.ending_with(Channel(connection, "worker 0")):
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as a worker that prints nothing
    other.close()
    time.sleep(float(sys.argv[2]))
time.sleep(0.5)
print("complete")
"""


def run_worker(grace, computation):
    command = [sys.executable, "-c", _WORKER, str(grace), str(computation)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(not Path("/proc").exists(), reason="Linux only")
def test_computation_ends_after_worker_0():
    process = run_worker(grace=0.1, computation=50)
    assert process.returncode == WorkerError.exit_code
    assert (process.stdout, process.stderr) == ("", "error: worker 0 has ended\n")


def test_process_that_notices_by_itself_is_not_ended():
    process = run_worker(grace=0.3, computation=0)
    assert (process.returncode, process.stdout) == (0, "complete\n")
