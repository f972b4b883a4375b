"""The threads that compute answers, batch by batch."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from textgraft.export.format import Answers
from textgraft.serving.answers import Answer, join_rows_of, select_rows
from textgraft.serving.batching import BatchQueue, Job, Share, TextBatch, late_error
from textgraft.training.token_ids import TruncationCount

OnBatch = Callable[["BatchReport"], None]
# A job, and what its client gets.
JobResult = tuple[Job, Answer | Exception]


class BatchReport(NamedTuple):
    """A batch that was computed.

    Attributes:
        model: name of the model.
        texts: number of texts.
        seconds: of the computation.
        truncated: dropped tokens.
    """

    model: str
    texts: int
    seconds: float
    truncated: TruncationCount


class ComputeThreads:
    """Compute the batches of a queue; the results are delivered in the event loop of each job.

    Where a batch fails, the texts of each job are computed by themselves, so that texts which cannot be computed fail
    only the request that they are in.
    """

    def __init__(self, queue: BatchQueue, on_batch: OnBatch = lambda report: None) -> None:
        self._queue, self._on_batch = queue, on_batch
        self._merging = threading.Lock()  # held while the answers of a job are put together
        self._threads = [
            threading.Thread(target=self._run, name=f"textgraft-compute-{index}", daemon=True)
            for index in range(queue.concurrent)
        ]

    @property
    def are_alive(self) -> bool:
        """Whether batches are computed."""
        return all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> None:
        """Compute what waits, and end; at most these seconds are waited for."""
        self._queue.close()
        end = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))

    def _run(self) -> None:
        while (batch := self._queue.take()) is not None:
            _deliver([(job, late_error()) for job in batch.late])
            self._compute(batch)

    def _compute(self, batch: TextBatch) -> None:
        started, truncated = time.monotonic(), TruncationCount()
        results = self._results(batch.shares, truncated)
        seconds = time.monotonic() - started
        self._queue.finish(batch, seconds)  # before clients that have their answers ask again
        _deliver(results)
        if batch.shares:
            texts = sum(len(share.texts) for share in batch.shares)
            self._on_batch(BatchReport(batch.model.name, texts, seconds, truncated))

    def _results(self, shares: Sequence[Share], truncated: TruncationCount) -> list[JobResult]:
        """Of the jobs that are complete, or have failed."""
        if not shares:
            return []
        try:
            answers = shares[0].job.model.answers([text for share in shares for text in share.texts], truncated)
        except Exception as error:
            if len(shares) == 1:
                return [self._failure(shares[0], error)]
            results: list[JobResult] = []
            for share in shares:
                count = TruncationCount()
                results += self._results([share], count)
                truncated.add(count)
            return results
        return self._share_out(shares, answers, truncated)

    def _share_out(self, shares: Sequence[Share], arrays: Answers, truncated: TruncationCount) -> list[JobResult]:
        """Give each job its rows; the results of the jobs that are complete."""
        start = 0
        results: list[JobResult] = []
        for share in shares:
            stop = start + len(share.texts)
            try:
                tokens, dropped = _tokens_of(share, truncated, is_alone=len(shares) == 1)
                part = select_rows(arrays, slice(start, stop))
                with self._merging:
                    is_complete = share.job.add(share.rows.start, part, stop - start, tokens, dropped)
                if is_complete:
                    results.append((share.job, _answer(share.job)))
            except Exception as error:
                results.append(self._failure(share, error))
            start = stop
        return results

    def _failure(self, share: Share, error: Exception) -> JobResult:
        self._queue.abandon(share.job)
        return share.job, error


def _tokens_of(share: Share, truncated: TruncationCount, is_alone: bool) -> tuple[int, TruncationCount]:
    """The tokens of a share, if its job counts them, and those dropped, from the count of the batch."""
    if is_alone and not share.job.counts_tokens:
        return 0, truncated
    if truncated.texts or share.job.counts_tokens:
        return share.job.model.count_tokens(share.texts)
    return 0, TruncationCount()


def _answer(job: Job) -> Answer:
    """The answer to a job whose texts are all computed."""
    parts = [part for _, part in sorted(job.parts.items())]
    return Answer(join_rows_of(parts), job.truncated, job.tokens if job.counts_tokens else None)


def _deliver(results: Sequence[JobResult]) -> None:
    """Set the results of jobs in their loops, which each wake up once; none where a loop has ended, or nobody waits."""
    by_loop: dict[asyncio.AbstractEventLoop, list[JobResult]] = {}
    for job, result in results:
        by_loop.setdefault(job.future.get_loop(), []).append((job, result))
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_set_results, of_loop)


def _set_results(results: Sequence[JobResult]) -> None:
    for job, result in results:
        if job.future.done():
            continue
        if isinstance(result, Exception):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)
