"""Computation of shards by Ray: tasks in the processes of a cluster, of this machine or of many."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from textgraft.shards.cutting import Shard
from textgraft.shards.executors import Computed, ShardWriter, stage_elsewhere
from textgraft.shards.ray_cluster import RayCluster, prepare_worker
from textgraft.shards.scheduling import MAX_ATTEMPTS, Attempt, Schedule
from textgraft.storage.objects import ObjectPath


class RayExecutor(RayCluster):
    """Computes shards in the workers of a Ray cluster; see `Executor`."""

    def describe(self, writer: ShardWriter) -> dict[str, Any]:
        """The result of `ShardWriter.describe` in a worker; the other workers load the model too."""
        task = self.ray.remote(num_cpus=self.threads, max_retries=MAX_ATTEMPTS)(_describe)
        references = [task.remote(writer, self.threads) for _ in range(self.workers)]
        while not (ready := self.wait(references)):
            pass
        return self.result(ready[0])  # type: ignore[no-any-return]

    def run(
        self, writer: ShardWriter, shards: Iterable[Shard], staging_path: Callable[[int], Path | ObjectPath]
    ) -> Iterator[Computed]:
        """Compute shards; one whose worker ends is computed again.

        Raises:
            TextgraftError: of a worker, or when workers end at each of the attempts at a shard.
        """
        task = self.ray.remote(num_cpus=self.threads, max_retries=0)(_compute)
        writer = self.ray.put(writer)
        schedule = Schedule(((shard.span, self.ray.put(shard)) for shard in shards), self.on_message)
        running = dict[Any, Attempt[Any]]()
        while not schedule.is_complete:
            while attempt := schedule.next(self.workers):
                path = staging_path(attempt.span.index)
                running[task.remote(writer, attempt.content, path, self.threads)] = attempt
            for reference in self.wait([*running]):
                attempt = running.pop(reference)
                try:
                    computed = self.result(reference)
                except self.ray.exceptions.RayError as error:
                    schedule.lose(attempt, type(error).__name__)
                else:
                    if schedule.end(attempt):
                        yield computed
        for reference in running:  # copies of shards that are complete, which would stage files of no use
            self.ray.cancel(reference, force=True)


def _describe(writer: ShardWriter, threads: int) -> dict[str, Any]:
    prepare_worker(threads)
    return writer.describe()


def _compute(writer: ShardWriter, shard: Shard, path: Path | ObjectPath, threads: int) -> Computed:
    prepare_worker(threads)
    return stage_elsewhere(writer, shard, path)
