"""The one thread that computes answers, batch by batch."""

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


class ComputeThread:
    """Computes the batches of a queue; the results are delivered in the event loop of each job.

    Where a batch fails, the texts of each job are computed by themselves, so that texts which cannot be computed fail
    only the request that they are in.
    """

    def __init__(self, queue: BatchQueue, on_batch: OnBatch = lambda report: None) -> None:
        self._queue, self._on_batch = queue, on_batch
        self._thread = threading.Thread(target=self._run, name="textgraft-compute", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether batches are computed."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Compute what waits, and end; at most these seconds are waited for."""
        self._queue.close()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while (batch := self._queue.take()) is not None:
            _deliver([(job, late_error()) for job in batch.late])
            if batch.shares:
                self._compute(batch)

    def _compute(self, batch: TextBatch) -> None:
        started, truncated = time.monotonic(), TruncationCount()
        try:
            answers = self._answers(batch.shares, truncated)
        except Exception as error:
            if len(batch.shares) == 1:
                self._fail(batch.shares[0], error)
            else:
                for share in batch.shares:
                    self._answer_alone(share, truncated)
            seconds = self._finish(batch, started)
        else:
            seconds = self._finish(batch, started)  # before clients that have their answers ask again
            self._share_out(batch.shares, answers, truncated)
        texts = sum(len(share.texts) for share in batch.shares)
        self._on_batch(BatchReport(batch.model.name, texts, seconds, truncated))

    def _finish(self, batch: TextBatch, started: float) -> float:
        seconds = time.monotonic() - started
        self._queue.finish(batch, seconds)
        return seconds

    def _answer_alone(self, share: Share, truncated: TruncationCount) -> None:
        count = TruncationCount()
        try:
            answers = self._answers([share], count)
        except Exception as error:
            self._fail(share, error)
        else:
            self._share_out([share], answers, count)
        truncated.add(count)

    @staticmethod
    def _answers(shares: Sequence[Share], truncated: TruncationCount) -> Answers:
        texts = [text for share in shares for text in share.texts]
        return shares[0].job.model.answers(texts, truncated)

    def _share_out(self, shares: Sequence[Share], arrays: Answers, truncated: TruncationCount) -> None:
        """Give each job its rows, and deliver the jobs that are complete."""
        start, results = 0, []
        for share in shares:
            stop = start + len(share.texts)
            try:
                self._add_part(share, select_rows(arrays, slice(start, stop)), truncated, is_alone=len(shares) == 1)
                if share.rows.stop == len(share.job.texts):
                    results.append((share.job, _answer(share.job)))
            except Exception as error:
                self._fail(share, error)
            start = stop
        _deliver(results)

    @staticmethod
    def _add_part(share: Share, arrays: Answers, truncated: TruncationCount, is_alone: bool) -> None:
        job = share.job
        job.parts.append(arrays)
        if is_alone and not job.counts_tokens:
            job.truncated.add(truncated)
        elif truncated.texts or job.counts_tokens:  # those of this share among those of the batch
            tokens, dropped = job.model.count_tokens(share.texts)
            job.tokens += tokens
            job.truncated.add(dropped)

    def _fail(self, share: Share, error: Exception) -> None:
        self._queue.abandon(share.job)
        _deliver([(share.job, error)])


def _answer(job: Job) -> Answer:
    """The answer to a job whose texts are all computed."""
    return Answer(join_rows_of(job.parts), job.truncated, job.tokens if job.counts_tokens else None)


def _deliver(results: Sequence[tuple[Job, Answer | Exception]]) -> None:
    """Set the results of jobs in their loops, which each wake up once; none where a loop has ended, or nobody waits."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Job, Answer | Exception]]] = {}
    for job, result in results:
        by_loop.setdefault(job.future.get_loop(), []).append((job, result))
    for loop, of_loop in by_loop.items():
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_set_results, of_loop)


def _set_results(results: Sequence[tuple[Job, Answer | Exception]]) -> None:
    for job, result in results:
        if job.future.done():
            continue
        if isinstance(result, Exception):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)
