"""The structured log: a JSON object a line, written by a thread of its own, so that a slow pipe delays no answer."""

import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

_Record = Mapping[str, Any]
# Takes records and writes each as a line.
WriteRecords = Callable[[Sequence[_Record]], None]

_MAX_WAITING = 10_000
# After a record, in which others arrive: those of a batch of requests are written at once, and wake the thread once.
_COLLECTING_SECONDS = 0.02
_MAX_WRITTEN = 256  # records at once


class Log:
    """Records of requests and events; where more wait than can be written, they are dropped and counted."""

    def __init__(self, write: WriteRecords) -> None:
        self._write = write
        # A simple queue, which handlers of signals may use: its methods are not interrupted halfway.
        self._waiting: queue.SimpleQueue[_Record | None] = queue.SimpleQueue()
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="textgraft-log", daemon=True)
        self._thread.start()

    def event(self, event: str, level: str = "info", **facts: Any) -> None:
        """Write a record of these facts, without waiting for it."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self._waiting.qsize() < _MAX_WAITING:
            self._waiting.put({"time": now, "level": level, "event": event, **facts})
        else:
            self._dropped += 1

    def error(self, event: str, error: BaseException, **facts: Any) -> None:
        """Write a record of an unexpected exception, with its traceback."""
        self.event(event, level="error", **facts, traceback="".join(traceback.format_exception(error)))

    def close(self) -> None:
        """Write what waits, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open:
            waiting = [self._waiting.get()]
            if waiting[0] is not None:
                time.sleep(_COLLECTING_SECONDS)
            with suppress(queue.Empty):
                while waiting[-1] is not None and len(waiting) < _MAX_WRITTEN:
                    waiting.append(self._waiting.get_nowait())
            is_open = waiting[-1] is not None
            self._write_all([record for record in waiting if record is not None])

    def _write_all(self, records: Sequence[_Record]) -> None:
        dropped, self._dropped = self._dropped, 0
        notice = [{"level": "warning", "event": "records_dropped", "records": dropped}] if dropped else []
        try:
            if notice or records:
                self._write([*notice, *records])
        except (OSError, ValueError):  # standard error is closed, or its reader has ended
            self._dropped += dropped + len(records)


class LogHandler(logging.Handler):
    """Passes the messages of a library, such as uvicorn, to a log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        facts: dict[str, Any] = {"logger": record.name, "message": record.getMessage().strip()}
        if record.exc_info and record.exc_info[1]:
            self._log.error("server", record.exc_info[1], **facts)
        else:
            self._log.event("server", level=record.levelname.lower(), **facts)
