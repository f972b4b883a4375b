"""Workers as threads of one process, connected by socket pairs."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from textgraft.workers.channel import Channel
from textgraft.workers.team import Chief, Follower


def connected() -> tuple[Channel, Channel]:
    """The channel of a chief to worker 1, and of worker 1 to the chief."""
    ends = socket.socketpair()
    return Channel(ends[0], "worker 1"), Channel(ends[1], "worker 0")


def run_workers(workers: int, lead: Callable[[Chief], object], follow: Callable[[Follower], None]) -> object:
    """Call `lead` in this thread, with a chief, and `follow` in a thread for each other worker; returns the result."""
    pairs = [socket.socketpair() for _ in range(workers - 1)]
    chief = Chief([Channel(pair[0], f"worker {worker}") for worker, pair in enumerate(pairs, start=1)])
    followers = [
        Follower(Channel(pair[1], "worker 0"), worker, workers, is_local=True)
        for worker, pair in enumerate(pairs, start=1)
    ]

    def follow_until_the_end(follower: Follower) -> None:
        with follower.following():
            follow(follower)

    with ThreadPoolExecutor(workers) as threads:
        futures = [threads.submit(follow_until_the_end, follower) for follower in followers]
        with chief.leading():
            result = lead(chief)
        for future in futures:
            future.result()
    return result
