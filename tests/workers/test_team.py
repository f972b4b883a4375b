"""Workers prepare the same run, and end together."""

import socket

import pytest

from tests.helpers.workers import connected, run_workers
from textgraft.errors import ConfigError, InterruptionError, TrainingError, WorkerError
from textgraft.workers.channel import Channel
from textgraft.workers.team import Chief, Follower

FACTS = {"fit": {"seed": 0}, "versions": {"numpy": "2"}, "sizes": (1, 2)}


def test_workers_agree_on_the_same_run():
    run_workers(3, lambda chief: chief.agree(FACTS), lambda follower: follower.agree(FACTS))


def test_another_run_is_refused_by_both():
    chief, follower = connected()
    chief.send("facts", {"facts": FACTS})
    other = {**FACTS, "fit": {"seed": 1}}
    with pytest.raises(SystemExit) as ended, Follower(follower, 1, 2, is_local=True).following():
        Follower(follower, 1, 2, is_local=True).agree(other)
    assert ended.value.code == ConfigError.exit_code
    with pytest.raises(WorkerError, match="worker 1: fit differ from those of worker 0"):
        chief.receive("agreed")


@pytest.mark.parametrize(
    ("error", "is_local", "raised"),
    [
        (TrainingError("the loss became nan"), False, "worker 0: the loss became nan"),
        (TrainingError("the loss became nan"), True, None),  # worker 0 prints it on the same terminal
        (InterruptionError("stopped", 15), False, None),
        (None, False, None),
    ],
    ids=str,
)
def test_end_of_the_chief_ends_the_others(error, is_local, raised):
    channel, other = connected()

    def lead():
        with Chief([channel]).leading():
            if error:
                raise error

    if error:
        with pytest.raises(type(error)):
            lead()
    else:
        lead()

    def follow():
        with Follower(other, 1, 2, is_local).following():
            other.receive("step")

    if raised:
        with pytest.raises(WorkerError, match=raised):
            follow()
    else:
        follow()


def test_dead_chief_is_an_error_with_a_fix():
    chief, follower = connected()
    chief.close()
    with (
        pytest.raises(WorkerError, match="worker 0 has ended; the same command on all workers resumes"),
        Follower(follower, 1, 2, is_local=True).following(),
    ):
        follower.receive("step")


def test_status_of_a_dead_worker_is_in_the_message():
    connection, other = socket.socketpair()
    channel = Channel(connection, "worker 1", lambda: "by SIGKILL")
    other.close()
    with pytest.raises(WorkerError, match=r"^worker 1 has ended by SIGKILL$"):
        channel.receive("part")
