"""How a process becomes a worker of a run: alone, with processes that it starts, or with other machines."""

from collections.abc import Iterator
from contextlib import contextmanager

from textgraft.workers.machines import Cluster
from textgraft.workers.processes import inherited_follower, local_chief
from textgraft.workers.team import Chief, Follower
from textgraft.workers.watchdog import ending_with


@contextmanager
def joined_workers(workers: int) -> Iterator[Chief | Follower | None]:
    """This process among a number of workers, until the end of the context; None where it is the only one.

    Where TF_CONFIG is set, it lists the workers; else this process is worker 0 and starts the others.

    Raises:
        ConfigError: for an invalid TF_CONFIG.
        WorkerError: when the workers do not connect.
    """
    if workers == 1:
        yield None  # also where TF_CONFIG is set, for another program
    elif follower := inherited_follower():
        with follower.following(), ending_with(follower.channel):
            yield follower
    elif cluster := Cluster.from_environment(workers):
        with cluster.joined() as member:
            yield member
    else:
        with local_chief(workers) as chief:
            yield chief
