"""Metrics in the format of Prometheus."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from textgraft.serving.computing import BatchReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


class Metrics:
    """Counters, gauges and histograms of one server.

    Attributes:
        reloads: models loaded again, by name and result.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "textgraft_requests", "Requests by route and status", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "textgraft_request_seconds", "Seconds from a request to its answer", ["route"],
            buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self._texts = Counter("textgraft_texts", "Texts computed", ["model"], registry=registry)
        self._batch_texts = Histogram(
            "textgraft_batch_texts", "Texts of a batch", ["model"], buckets=_TEXTS, registry=registry
        )
        self._batch_seconds = Histogram(
            "textgraft_batch_seconds", "Seconds of a batch", ["model"], buckets=_SECONDS, registry=registry
        )
        self._truncated_texts = Counter(
            "textgraft_truncated_texts", "Texts longer than the model takes", ["model"], registry=registry
        )
        self._dropped_tokens = Counter(
            "textgraft_dropped_tokens", "Tokens dropped by truncation", ["model"], registry=registry
        )
        self._models = Gauge(
            "textgraft_model", "Models that are served", ["model", "task", "source"], registry=registry
        )
        self.reloads = Counter(
            "textgraft_reloads", "Replaced model folders by result", ["model", "result"], registry=registry
        )
        self._waiting = Gauge("textgraft_waiting_requests", "Requests in the queue", registry=registry)
        self._wait = Gauge("textgraft_wait_seconds", "Estimated seconds until the queue is computed", registry=registry)

    def watch_queue(self, waiting: Callable[[], tuple[int, float]]) -> None:
        """Read the number of requests that wait, and the estimated seconds, from a function."""
        self._waiting.set_function(lambda: waiting()[0])
        self._wait.set_function(lambda: waiting()[1])

    def set_model(self, name: str, task: str, source: str) -> None:
        """Show a model that is served."""
        self._models.labels(name, task, source).set(1)

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered or refused."""
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def count_batch(self, report: BatchReport) -> None:
        """Count a batch that was computed."""
        name = report.model
        self._texts.labels(name).inc(report.texts)
        self._batch_texts.labels(name).observe(report.texts)
        self._batch_seconds.labels(name).observe(report.seconds)
        if report.truncated.texts:
            self._truncated_texts.labels(name).inc(report.truncated.texts)
            self._dropped_tokens.labels(name).inc(report.truncated.tokens)

    def text(self) -> bytes:
        """The exposition of all metrics."""
        return generate_latest(self._registry)
