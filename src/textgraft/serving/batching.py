"""The queue of texts: requests in the order of their arrival, taken from it in batches of bounded cost."""

import asyncio
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, Protocol

from textgraft.errors import counted
from textgraft.export.format import Answers, Text
from textgraft.serving.admission import ADMITTED_SHARE, BatchTimes
from textgraft.serving.errors import RequestError, overloaded, too_large
from textgraft.serving.settings import CONCURRENT_BATCHES
from textgraft.training.token_ids import TruncationCount

# Texts of a batch, as in predictions of files.
_MAX_BATCH_TEXTS = 512
# Of the time of a batch, and at most in seconds, in which clients that got their answers may ask again: so batches
# share the clients evenly, and a client with a request at a time waits for one batch.
_GATHERING_SHARE = 0.3
_MAX_GATHERING = 0.1
# Of its even share, by which a batch may be larger: a few requests that stay in the queue would wait twice as long.
_MAX_EXCESS = 0.25
# Requests that wait: beyond, memory would grow with their number.
_MAX_JOBS = 4096


class Computing(Protocol):
    """A model as the queue and the threads of computation see it; its methods are called by several threads.

    Attributes:
        name: under which it is served.
        batch_cost: of a batch, in estimated tokens; a single text may have more.
        times: of its batches.
    """

    name: str
    batch_cost: int
    times: BatchTimes

    def answers(self, texts: Sequence[Text], truncated: TruncationCount) -> Answers:
        """Named arrays with a row for each text; counts dropped tokens."""

    def count_tokens(self, texts: Sequence[Text]) -> tuple[int, TruncationCount]:
        """Tokens of texts after truncation, and those dropped."""


@dataclass(eq=False, slots=True)
class Job:
    """The texts of a request while they wait and are computed.

    Attributes:
        model: computes them, even if it is replaced meanwhile.
        texts: at least one.
        costs: of each text, in estimated tokens.
        deadline: by the monotonic clock.
        future: receives the `Answer`, or an exception, in its loop.
        counts_tokens: whether the answer has the number of tokens.
        taken: number of texts that were taken from the queue.
        parts: answers so far, by the index of their first text.
        answered: number of texts that have answers.
        truncated: dropped tokens so far.
        tokens: number of tokens so far, if they are counted.
    """

    model: Computing
    texts: Sequence[Text]
    costs: Sequence[int]
    deadline: float
    future: "asyncio.Future[object]"
    counts_tokens: bool = False
    taken: int = 0
    parts: dict[int, Answers] = field(default_factory=dict)
    answered: int = 0
    truncated: TruncationCount = field(default_factory=TruncationCount)
    tokens: int = 0

    @property
    def remaining_cost(self) -> int:
        """Of the texts that were not taken yet."""
        return sum(islice(self.costs, self.taken, None)) if self.taken else sum(self.costs)

    def add(self, start: int, part: Answers, texts: int, tokens: int, truncated: TruncationCount) -> bool:
        """Add the answers to some texts, from an index; returns whether all texts have answers."""
        self.parts[start] = part
        self.answered += texts
        self.tokens += tokens
        self.truncated.add(truncated)
        return self.answered == len(self.texts)


class Share(NamedTuple):
    """The texts of a job that are in a batch."""

    job: Job
    rows: slice

    @property
    def texts(self) -> Sequence[Text]:
        """The texts themselves."""
        return self.job.texts[self.rows]


@dataclass(eq=False, slots=True)
class TextBatch:
    """Texts that are computed together, and the jobs that are dropped in place of being computed, since it is too late.

    Attributes:
        model: computes them.
        shares: may be empty.
        cost: in estimated tokens.
        late: dropped jobs.
        requests: number of jobs of which no text waits any longer.
        until: estimated end, by the monotonic clock.
    """

    model: Computing
    shares: list[Share] = field(default_factory=list)
    cost: int = 0
    late: list[Job] = field(default_factory=list)
    requests: int = 0
    until: float = 0.0


class BatchQueue:
    """Jobs that wait for the threads of computation; all methods may be called from any thread.

    Jobs are computed in the order of their arrival, but a batch is filled with later jobs of the same model. What is
    admitted is therefore delayed by at most one batch of later jobs of each other model, whatever arrives. Concurrent
    batches share the requests about evenly, so that none waits for a batch that is much larger than its own.
    """

    def __init__(self, concurrent: int = CONCURRENT_BATCHES) -> None:
        """`concurrent` is the number of batches that are computed side by side."""
        self.concurrent = concurrent
        self._jobs: dict[Job, None] = {}  # an ordered set
        self._costs: dict[Computing, int] = {}  # of waiting texts
        self._running: set[TextBatch] = set()
        self._returning = 0  # clients that got their answers with the last batches, and have not asked again
        self._gathering_until = 0.0
        self._changed = threading.Condition()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    def submit(self, job: Job, timeout: float) -> None:
        """Admit a job that can probably be answered within a timeout in seconds.

        Raises:
            RequestError: of status 429 when others are in the way, and 413 when it takes too long by itself.
        """
        with self._changed:
            waiting, cost = self._seconds(), job.remaining_cost
            seconds = self._seconds_of(job.model, cost)
            limit = ADMITTED_SHARE * timeout
            if cost > job.model.batch_cost and seconds > limit:
                texts = counted(len(job.texts), "text")
                raise too_large(f"{texts}: about {seconds:.0f} s, and {limit:g} s are allowed; send fewer at once")
            # A batch is admitted whenever nothing else waits: its time corrects an estimate that is too high.
            is_next = not self._jobs and cost <= job.model.batch_cost and waiting <= limit
            if waiting + seconds > limit and not is_next:
                raise overloaded(f"answers take about {waiting + seconds:.0f} s now", waiting + seconds - limit)
            if len(self._jobs) >= _MAX_JOBS:
                raise overloaded(f"{len(self._jobs):,} requests are waiting", waiting / 2)
            self._jobs[job] = None
            self._returning = max(0, self._returning - 1)
            self._costs[job.model] = self._costs.get(job.model, 0) + cost
            if len(self._jobs) == 1 or not self._gathers():  # otherwise a thread waits until then, or all compute
                self._changed.notify()

    def take(self) -> TextBatch | None:
        """Wait for jobs, and take a batch from them; None after `close`, when no job is left."""
        with self._changed:
            while not self._jobs or self._gathers():
                if self._is_closed and not self._jobs:
                    return None
                self._changed.wait(self._gathering_until - time.monotonic() if self._jobs else None)
            batch = self._next_batch(next(iter(self._jobs)).model)
            batch.until = time.monotonic() + batch.model.times.seconds(batch.cost)
            self._running.add(batch)
            if self._jobs:
                self._changed.notify()  # another thread, which may have begun to wait when there were none
            return batch

    def finish(self, batch: TextBatch, seconds: float) -> None:
        """Count the time of a batch that was computed, before its answers are delivered."""
        with self._changed:
            self._running.remove(batch)
            if batch.shares:
                batch.model.times.add(batch.cost, seconds)
            now = time.monotonic()
            self._returning = batch.requests + (self._returning if now < self._gathering_until else 0)
            self._gathering_until = now + min(_MAX_GATHERING, _GATHERING_SHARE * seconds)

    def abandon(self, job: Job) -> None:
        """Drop the texts of a job that were not taken yet."""
        with self._changed:
            if job in self._jobs:
                self._remove(job)

    def waiting(self) -> tuple[int, float]:
        """Number of jobs, and the estimated seconds until they and the running batch are computed."""
        with self._changed:
            return len(self._jobs), self._seconds()

    def jobs(self) -> list[Job]:
        """The jobs that wait."""
        with self._changed:
            return list(self._jobs)

    def close(self) -> None:
        """Let `take` return None when no job is left."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _gathers(self) -> bool:
        """Whether the clients of the last batches are waited for, which ask again at once if each has one request."""
        is_full = len(self._jobs) >= self._even_share() or any(
            cost >= model.batch_cost for model, cost in self._costs.items()
        )
        return not (self._is_closed or is_full or self._returning <= 0 or time.monotonic() >= self._gathering_until)

    def _even_share(self) -> int:
        """Requests of a batch, of all that wait, are computed or are expected; at least 1 if a job waits."""
        running = sum(batch.requests for batch in self._running)
        returning = self._returning if time.monotonic() < self._gathering_until else 0
        return -(-(len(self._jobs) + running + returning) // self.concurrent)

    def _seconds(self) -> float:
        now = time.monotonic()
        running = sum(max(0.0, batch.until - now) for batch in self._running)
        waiting = sum(self._seconds_of(model, cost) for model, cost in self._costs.items())
        return waiting + running / self.concurrent

    def _seconds_of(self, model: Computing, cost: int) -> float:
        """Estimated seconds of texts of this cost, in batches side by side."""
        batches = max(1, -(-cost // model.batch_cost))
        return model.times.seconds(cost, batches) / min(batches, self.concurrent)

    def _next_batch(self, model: Computing) -> TextBatch:
        now, texts, batch = time.monotonic(), 0, TextBatch(model)
        limit, max_cost = math.floor(self._even_share() * (1 + _MAX_EXCESS)), model.batch_cost
        if len(self._jobs) == 1 and not self._running:  # its texts are divided between the batches
            max_cost = min(max_cost, -(-self._costs[model] // self.concurrent))
        for job in [job for job in self._jobs if job.model is model]:
            if now > job.deadline:
                batch.late.append(job)
                self._remove(job)
                continue
            if len(batch.shares) == limit:
                break
            start = job.taken
            while job.taken < len(job.texts) and texts < _MAX_BATCH_TEXTS:
                text_cost = job.costs[job.taken]
                if texts and batch.cost + text_cost > max_cost:
                    break
                batch.cost, texts, job.taken = batch.cost + text_cost, texts + 1, job.taken + 1
                self._costs[model] -= text_cost
            if job.taken > start:
                batch.shares.append(Share(job, slice(start, job.taken)))
            if job.taken < len(job.texts):
                break
            self._remove(job)
            batch.requests += 1
        return batch

    def _remove(self, job: Job) -> None:
        del self._jobs[job]
        self._costs[job.model] -= job.remaining_cost
        if self._costs[job.model] <= 0:
            del self._costs[job.model]


def late_error() -> RequestError:
    """The error of a request that was admitted, and whose time is over."""
    return RequestError(
        503, "late", "the answer was not ready in time, since the machine is slower than before; try again",
        {"Retry-After": "1"},
    )  # fmt: skip
