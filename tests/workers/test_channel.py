"""Messages between workers arrive as they were sent; the end of a worker, or another program, is one line."""

import socket

import numpy as np
import pytest

from tests.helpers.workers import connected
from textgraft.errors import WorkerError
from textgraft.workers.channel import END, FAILED, Channel, RunEndedError


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.array(2.5, np.float64),
        np.empty((0, 4), np.int64),
        np.array([2**32 - 1], np.uint32),
        np.arange(8, dtype=np.int32)[::2],
    ],
    ids=str,
)
def test_arrays_and_values_arrive(array):
    sender, receiver = connected()
    sender.send("step", {"rate": 0.1, "name": "Ä"}, {"rows": array})
    message = receiver.receive("epoch", "step")
    assert (message.kind, message.values) == ("step", {"rate": 0.1, "name": "Ä"})
    np.testing.assert_array_equal(message.arrays["rows"], array)
    assert message.arrays["rows"].dtype == array.dtype


def test_end_of_a_worker_is_reported():
    sender, receiver = connected()
    receiver.check()
    sender.send("step")
    sender.close()
    receiver.check()  # its last message is still to be read
    receiver.receive("step")
    with pytest.raises(WorkerError, match="worker 0 has ended"):
        receiver.check()
    with pytest.raises(WorkerError, match="worker 0 has ended"):
        receiver.receive("step")
    with pytest.raises(WorkerError, match="worker 0 has ended"):
        receiver.send("part", arrays={"big": np.zeros(10**6)})


def test_failure_of_a_worker_has_its_reason():
    chief, follower = connected()
    follower.send(FAILED, {"reason": "reviews.csv is missing"})
    with pytest.raises(WorkerError, match=r"^worker 1: reviews.csv is missing$"):
        chief.receive("part")


def test_end_of_the_run_has_its_reason():
    chief, follower = connected()
    chief.send(END, {"reason": "the disk is full"})
    with pytest.raises(RunEndedError, match="the disk is full"):
        follower.receive("step")


def test_unexpected_message_is_an_error():
    chief, follower = connected()
    chief.send("sums")
    with pytest.raises(WorkerError, match="worker 0 sent sums in place of step"):
        follower.receive("step")


@pytest.mark.parametrize(
    "content", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\2" + b"\0" * 7 + b"[]", b"\2" + b"\0" * 7 + b"{}"]
)
def test_other_programs_are_refused(content):
    ends = socket.socketpair()
    ends[0].sendall(content)
    with pytest.raises(WorkerError, match="does not send messages of textgraft"):
        Channel(ends[1], "worker 1").receive("step")
