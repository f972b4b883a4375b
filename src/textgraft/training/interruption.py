"""SIGINT and SIGTERM: finish what must not be cut, then stop; asked twice, stop at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from textgraft.errors import InterruptionError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Handles both signals, where the run is in the main thread.

    Attributes:
        signal_number: the number of the signal that came, or 0.
        resume_hint: how to go on, for messages.
    """

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.signal_number = 0
        self.resume_hint = "the same command starts again"
        self._deferred = False

    @contextmanager
    def handle_signals(self) -> Iterator[None]:
        """Raise `InterruptionError` on a signal, or only note it where that is deferred.

        After the first signal the system's own answer to it is back: a second one ends the process at once.
        """
        main = threading.current_thread() is threading.main_thread()  # the only one that can set handlers
        heeded = [number for number in _SIGNALS if main and signal.getsignal(number) is not signal.SIG_IGN]
        before = {number: signal.signal(number, self._handle) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Only note signals; the caller looks at `asked` and stops by itself, at the latest when this ends.

        Raises:
            InterruptionError: at its end, for a signal that nobody looked at.
        """
        self._deferred = True
        try:
            yield
        finally:
            self._deferred = False
        if self.signal_number:
            raise self._now()

    def error(self, what: str) -> InterruptionError:
        """What to raise for the signal that came.

        Args:
            what: was done, and how to go on.
        """
        return InterruptionError(f"stopped by {signal.Signals(self.signal_number).name}; {what}", self.signal_number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.signal_number = number
        signal.signal(number, signal.SIG_DFL)
        if not self._deferred:
            raise self._now()

    def _now(self) -> InterruptionError:
        return self.error(f"nothing was left half-written; {self.resume_hint}")
