"""Which shard is computed next: new ones, those whose worker ended, and in the end copies of slow ones."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Generic, TypeVar

from textgraft.errors import TextgraftError
from textgraft.shards.cutting import RowSpan

# Of a shard whose worker ends; more means that its rows end it.
MAX_ATTEMPTS = 10
# Shards that wait for a worker, for each that is being computed.
_QUEUED = 1
# Times the median time of shards, after which a shard is computed a second time by a worker that has nothing to do.
_SLOW = 3.0
_RECENT = 100  # shards of the median

Content = TypeVar("Content")


@dataclass(eq=False)
class Attempt(Generic[Content]):
    """A shard that is being computed, or waits for a worker.

    Attributes:
        span: its rows.
        content: the shard, or a reference to it.
        start: time when it was handed over, in seconds.
    """

    span: RowSpan
    content: Content
    start: float


class Schedule(Generic[Content]):
    """Hands out the shards of a run, of which only those that are running are in memory."""

    def __init__(
        self,
        shards: Iterable[tuple[RowSpan, Content]],
        on_message: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is taken from `shards` yet; `on_message` takes lines about workers that end."""
        self._waiting, self._on_message, self._clock = iter(shards), on_message, clock
        self._lost = deque[tuple[RowSpan, Content]]()
        self._running: list[Attempt[Content]] = []
        self._losses = Counter[int]()
        self._seconds = deque[float](maxlen=_RECENT)
        self._copies: set[int] = set()
        self._is_exhausted = False

    @property
    def is_complete(self) -> bool:
        """Whether all shards have ended."""
        return self._is_exhausted and not self._lost and not self._running

    def next(self, workers: int) -> Attempt[Content] | None:
        """The next shard for one of this number of workers; None when they have enough to do."""
        if len(self._running) >= (1 + _QUEUED) * workers:
            return None
        shard = self._lost.popleft() if self._lost else next(self._waiting, None)
        if shard is None:
            self._is_exhausted = True
            shard = self._slow() if len(self._running) < workers else None
        if shard is None:
            return None
        attempt = Attempt(*shard, self._clock())
        self._running.append(attempt)
        return attempt

    def end(self, attempt: Attempt[Content]) -> bool:
        """Note that an attempt has its result; returns whether it is the first one at its shard that has."""
        if attempt not in self._running:
            return False
        self._running = [other for other in self._running if other.span.index != attempt.span.index]
        self._seconds.append(self._clock() - attempt.start)
        return True

    def lose(self, attempt: Attempt[Content], reason: str) -> None:
        """Note that the worker of an attempt ended.

        Raises:
            TextgraftError: when that has happened too often to this shard.
        """
        if attempt not in self._running:
            return
        span = attempt.span
        self._running.remove(attempt)
        self._losses[span.index] += 1
        lost = f"{span}: the worker ended ({reason})"
        if self._losses[span.index] == MAX_ATTEMPTS:
            raise TextgraftError(f"{lost} at each of {MAX_ATTEMPTS} attempts; check these rows, and the memory")
        self._on_message(f"{lost}; computing them again")
        self._copies.discard(span.index)
        if all(other.span.index != span.index for other in self._running):
            self._lost.append((span, attempt.content))

    def _slow(self) -> tuple[RowSpan, Content] | None:
        """The oldest shard that takes much longer than others and has no copy."""
        if not self._seconds:
            return None
        latest = self._clock() - _SLOW * median(self._seconds)
        for attempt in self._running:
            if attempt.start < latest and attempt.span.index not in self._copies:
                self._copies.add(attempt.span.index)
                return attempt.span, attempt.content
        return None
