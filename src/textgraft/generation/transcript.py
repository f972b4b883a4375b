"""Tokens to text as they come: whole characters only, and nothing that a stop string may begin with."""

import codecs
from collections.abc import Sequence


class Transcript:
    """The text of a growing row of tokens.

    Attributes:
        text: what is certain so far.
        stopped: whether a stop string came; the text ends before it.
    """

    def __init__(self, stop: Sequence[str] = ()) -> None:
        """Begin empty.

        Args:
            stop: strings before the first of which the text ends.
        """
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self.text = ""
        self.stopped = False

    def add(self, piece: bytes) -> str:
        """Go on by the bytes of a token; the text that has become certain by them."""
        return self._take(self._decoder.decode(piece), final=False)

    def close(self) -> str:
        """The text that was held back; bytes that are no character become U+FFFD."""
        return self._take(self._decoder.decode(b"", final=True), final=True)

    def would_stop(self, text: bytes) -> bool:
        """Whether a stop string is in these bytes."""
        return any(stop in text.decode(errors="replace") for stop in self._stop)

    def _take(self, characters: str, final: bool) -> str:
        if self.stopped:
            return ""
        held = self._held + characters
        places = [place for place in map(held.find, self._stop) if place >= 0]
        if places:
            self.stopped, certain = True, min(places)
        else:
            certain = len(held) if final else len(held) - self._doubtful(held)
        self._held = held[certain:]
        self.text += held[:certain]
        return held[:certain]

    def _doubtful(self, held: str) -> int:
        """How many of the last characters may be the beginning of a stop string."""
        most = max(map(len, self._stop), default=1) - 1
        for length in range(min(most, len(held)), 0, -1):
            if any(stop.startswith(held[-length:]) for stop in self._stop):
                return length
        return 0
