"""The connection of a command to a Ray cluster."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from textgraft.cli.output.status import status
from textgraft.training.interruption import Interruption

if TYPE_CHECKING:
    from textgraft.shards.ray_cluster import RayCluster


@contextmanager
def connected(cluster: "RayCluster", interruption: Interruption) -> Iterator[None]:
    """Connect to a cluster, or start it; signals are only recorded, and raised while this process waits for workers."""
    with interruption.deferred(), ExitStack() as stack:
        with status("connecting to Ray" if cluster.address else "starting Ray", delay=0):
            stack.enter_context(cluster)
        yield
