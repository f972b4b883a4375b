"""Incremental decoding of token bytes to text, with stop strings."""

import codecs
from collections.abc import Sequence


class IncrementalDecoder:
    """Decodes tokens as they are generated, and holds back incomplete characters and possible stop strings.

    Attributes:
        text: the final text so far.
        stopped: whether a stop string was found; the text ends before it.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self.text = ""
        self.stopped = False

    def add(self, piece: bytes) -> str:
        """Add the bytes of a token; returns the text that became final."""
        return self._add_characters(self._decoder.decode(piece), final=False)

    def flush(self) -> str:
        """Return the text that was held back; incomplete characters become U+FFFD."""
        return self._add_characters(self._decoder.decode(b"", final=True), final=True)

    def would_stop(self, text: bytes) -> bool:
        """Whether these bytes contain a stop string."""
        return any(stop in text.decode(errors="replace") for stop in self._stop)

    def _add_characters(self, characters: str, final: bool) -> str:
        if self.stopped:
            return ""
        pending = self._pending + characters
        offsets = [offset for offset in map(pending.find, self._stop) if offset >= 0]
        if offsets:
            self.stopped, end = True, min(offsets)
        else:
            end = len(pending) if final else len(pending) - self._possible_stop_length(pending)
        self._pending = pending[end:]
        self.text += pending[:end]
        return pending[:end]

    def _possible_stop_length(self, pending: str) -> int:
        """Length of the longest suffix that is a proper prefix of a stop string."""
        max_length = max(map(len, self._stop), default=1) - 1
        for length in range(min(max_length, len(pending)), 0, -1):
            if any(stop.startswith(pending[-length:]) for stop in self._stop):
                return length
        return 0
