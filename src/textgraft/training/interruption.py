"""SIGINT and SIGTERM: the first signal stops the run at a safe point, the second ends the process at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from textgraft.errors import InterruptionError, TextgraftError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Handlers that stay: None is one that was not set by Python, which Python cannot restore.
_NOT_HANDLED = (signal.SIG_IGN, None)


class Interruption:
    """Turns signals into `InterruptionError`."""

    def __init__(self) -> None:
        self.signal_number = 0  # the signal received
        self.resume_hint = "run the same command to start over"  # for the error message
        self._deferred = False

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Raise `InterruptionError` on a signal, or only record it within `deferred`.

        The first signal restores the system's default handler, and the end of the context the handler before it.
        Signals that are ignored, or handled by other code than Python's, stay so. Outside the main thread, where Python
        cannot set handlers, nothing changes.
        """
        in_main_thread = threading.current_thread() is threading.main_thread()
        handlers = {number: signal.getsignal(number) for number in _SIGNALS if in_main_thread}
        previous_handlers = {number: handler for number, handler in handlers.items() if handler not in _NOT_HANDLED}
        try:
            for number in previous_handlers:
                signal.signal(number, self._handle)
            yield
        except TextgraftError:
            raise
        except Exception as error:
            # Native code in which a signal arrives may turn the exception of its handler into another one.
            if self.signal_number:
                raise self._default_error() from error
            raise
        finally:
            for number, handler in previous_handlers.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Only record signals; the caller checks `signal_number`, and one that it ignores is raised at the end."""
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        self.raise_recorded()

    def raise_recorded(self) -> None:
        """Raise `InterruptionError` if a signal was received, within `deferred` where that is safe."""
        if self.signal_number:
            raise self._default_error()

    def error(self, message: str) -> InterruptionError:
        """The exception for the signal received; the message says what was saved, and how to continue."""
        return InterruptionError(f"stopped by {signal.Signals(self.signal_number).name}; {message}", self.signal_number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        signal.signal(number, signal.SIG_DFL)
        if not self._deferred:
            raise self._default_error()

    def _default_error(self) -> InterruptionError:
        return self.error(f"no partial files remain; {self.resume_hint}")
