"""Answers to requests: limits, the queue, and the wait for the threads of computation."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from starlette.requests import Request

from textgraft.errors import PredictionError, TextgraftError, counted
from textgraft.export.format import Text
from textgraft.serving.answers import Answer
from textgraft.serving.batching import BatchQueue, Job, late_error
from textgraft.serving.computing import ComputeThreads
from textgraft.serving.corrections import CorrectionsFile
from textgraft.serving.errors import RequestError, too_large
from textgraft.serving.facts import facts_of
from textgraft.serving.log import Log
from textgraft.serving.metrics import Metrics
from textgraft.serving.models import Models
from textgraft.serving.served_model import ServedModel
from textgraft.serving.settings import CONCURRENT_BATCHES, ServerOptions

# Between looks at the connections of requests that wait: work for clients that have left is dropped.
_SWEEP_SECONDS = 0.5


class Service:
    """What protocols use: models, and answers of models to texts.

    Attributes:
        options: limits.
        models: by name.
        is_draining: whether the server is about to end.
        corrections: the file of corrections; None where they are off.
    """

    def __init__(
        self,
        options: ServerOptions,
        models: Models,
        metrics: Metrics,
        log: Log,
        concurrent: int = CONCURRENT_BATCHES,
    ) -> None:
        """`concurrent` is the number of batches that are computed side by side."""
        self.options, self.models, self.metrics, self.log = options, models, metrics, log
        self._queue = BatchQueue(concurrent)
        self._compute = ComputeThreads(self._queue, metrics.count_batch)
        self._requests: dict[Job, Request] = {}
        self.is_draining = False
        self.corrections = None if options.corrections is None else CorrectionsFile(options.corrections)
        metrics.watch_queue(self._queue.waiting)

    def start(self) -> None:
        """Start the threads of computation."""
        self._compute.start()

    def stop(self, seconds: float) -> None:
        """End the threads of computation, after what waits is computed, for which these seconds are waited."""
        self._compute.stop(seconds)
        if self.corrections is not None:
            self.corrections.close()

    @property
    def is_alive(self) -> bool:
        """Whether the threads of computation run."""
        return self._compute.are_alive

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered, and further ones are welcome."""
        return self.models.are_ready and not self.is_draining and self.is_alive

    async def answer(
        self, request: Request, model: ServedModel, texts: Sequence[Text], counts_tokens: bool = False
    ) -> Answer:
        """The answers of a model to texts, or pairs of them.

        Raises:
            RequestError: for texts above a limit or of another kind than the model takes, and for what cannot be
                answered in time, or at all.
        """
        facts = facts_of(request.scope)
        facts.model, facts.texts = model.name, texts
        self.check_texts(model, texts)
        job = Job(
            model=model,
            texts=texts,
            costs=[model.cost(text) for text in texts],
            deadline=time.monotonic() + self.options.timeout,
            future=asyncio.get_running_loop().create_future(),
            counts_tokens=counts_tokens,
        )
        self._queue.submit(job, self.options.timeout)
        self._requests[job] = request
        try:
            async with asyncio.timeout(self.options.timeout):
                return await job.future  # type: ignore[return-value]
        except TimeoutError:
            raise late_error() from None
        except PredictionError as error:
            raise RequestError(500, "not_finite", str(error)) from error
        except TextgraftError as error:
            raise RequestError(422, "invalid", str(error)) from error
        finally:
            del self._requests[job]
            self._queue.abandon(job)

    async def sweep(self) -> None:
        """Drop, now and then, the texts of clients that have left; until it is cancelled."""
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            for job in self._queue.jobs():
                request = self._requests.get(job)
                if request is not None and await request.is_disconnected():
                    self._queue.abandon(job)
                    with suppress(asyncio.InvalidStateError):
                        job.future.set_exception(RequestError(499, "disconnected", "the client has left"))

    def check_texts(self, model: ServedModel, texts: Sequence[Text]) -> None:
        """Raise a RequestError for texts above a limit or of another kind than the model takes."""
        options = self.options
        if not texts:
            raise RequestError(422, "invalid", "no text; send at least one")
        if len(texts) > options.max_texts:
            number = counted(len(texts), "text")
            raise too_large(f"{number}, and {options.max_texts:,} are allowed in a request; send fewer at once")
        for index, text in enumerate(texts):
            parts = (text,) if isinstance(text, str) else text
            if len(parts) > 1 and not model.task.pairs:
                raise RequestError(422, "invalid", f"text {index}: {model.name} takes single texts, not pairs")
            if len(parts) == 1 and model.task.pairs:
                raise RequestError(422, "invalid", f"text {index}: {model.name} takes pairs of texts; send both")
            if (length := max(map(len, parts))) > options.max_characters:
                raise too_large(
                    f"text {index} has {length:,} characters, and {options.max_characters:,} are allowed; split it"
                )
