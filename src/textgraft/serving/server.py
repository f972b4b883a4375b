"""The process of the server: its socket, the loading of models, signals, and the end without a lost request."""

import asyncio
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from textgraft.serving.app import make_application
from textgraft.serving.connections import KEEP_ALIVE_SECONDS, Connection
from textgraft.serving.log import Log, LogHandler, WriteRecords
from textgraft.serving.metrics import Metrics
from textgraft.serving.models import Models
from textgraft.serving.replicas import Replicas
from textgraft.serving.served_model import LoadingOptions
from textgraft.serving.service import Service
from textgraft.serving.settings import CONCURRENT_BATCHES, ServerOptions

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# After a signal, connections are closed with their next response, and new ones still accepted, for this long: clients
# and load balancers leave without an error.
_FAREWELL_SECONDS = 1.0
# Of Python, a tenth of its default: the threads of computation hand over to requests that arrive, and the reverse.
_SWITCH_SECONDS = 0.0005


def run_server(
    listening: socket.socket,
    sources: Mapping[str, str],
    loading: LoadingOptions,
    options: ServerOptions,
    tokens: Sequence[bytes],
    write: WriteRecords,
    replicas: Replicas | None = None,
) -> None:
    """Serve models until SIGINT or SIGTERM, then finish what was accepted.

    Args:
        listening: see `open_socket`.
        sources: model folders or presets by name.
        loading: how models are loaded.
        options: limits and access.
        tokens: see `make_application`.
        write: writes records of the log.
        replicas: compute the batches; None for this process.

    Raises:
        TextgraftError: when a model cannot be loaded.
    """
    log, metrics, switch_interval = Log(write), Metrics(), sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        models = Models(sources, loading, metrics, log, replicas.adapt if replicas else lambda model: model)
        service = Service(options, models, metrics, log, replicas.concurrent if replicas else CONCURRENT_BATCHES)
        _Server(make_application(service, tokens), service).run(sockets=[listening])
        if models.error is not None:
            raise models.error
    finally:
        sys.setswitchinterval(switch_interval)
        log.close()


class _Server(uvicorn.Server):
    """Uvicorn's server, with the life of a service around it."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._service, self._leaving_at = service, 0.0
        super().__init__(
            uvicorn.Config(
                app,
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, round(service.options.drain)),
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        service = self._service
        service.start()
        with self.capture_signals(), _logging_to(service.log):
            sweeping = asyncio.create_task(service.sweep())
            loading = threading.Thread(target=self._load, name="textgraft-load", daemon=True)
            loading.start()
            try:
                await self._serve(sockets)
            finally:
                sweeping.cancel()
                service.models.stop()
                patience = 0.0 if self.force_exit else service.options.drain
                await asyncio.to_thread(service.stop, patience)
                await asyncio.to_thread(loading.join, patience)
                service.log.event("ended")

    def _load(self) -> None:
        """Load the models, in a thread of its own; the server ends when that fails."""
        models, log, started = self._service.models, self._service.log, time.monotonic()
        try:
            models.load_all()
        except Exception:
            self.should_exit = True
            return
        if not models.are_ready:
            return
        log.event("ready", seconds=round(time.monotonic() - started, 1), models=list(models.loaded))
        if self._service.options.reload:
            models.watch()

    async def on_tick(self, counter: int) -> bool:
        if self._service.is_draining and time.monotonic() >= self._leaving_at:
            self.should_exit = True
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain at the first signal, and end at once at the second; what handled signals before does so again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        previous = {number: signal.signal(number, self._leave) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _leave(self, number: int, frame: Any) -> None:
        if self._service.is_draining:
            self.should_exit = self.force_exit = True
            return
        self._leaving_at = time.monotonic() + _FAREWELL_SECONDS
        self._service.is_draining = True
        self._service.log.event("draining", signal=signal.Signals(number).name)


@contextmanager
def _logging_to(log: Log) -> Iterator[None]:
    """Send warnings of uvicorn and asyncio to a log."""
    handler, loggers = LogHandler(log), [logging.getLogger(name) for name in ("uvicorn", "asyncio")]
    states = [(logger, logger.propagate, logger.level) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, propagate, level in states:
            logger.removeHandler(handler)
            logger.propagate = propagate
            logger.setLevel(level)
