"""Commands on a pseudo-terminal, and text that tries to control it."""

import os
import re
import sys
import termios
import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import pytest

from textgraft import cli

# A title, hidden text, erased lines, controls of 8 bits, text from right to left, and a separator of lines.
CONTROLS = "\x1b]0;title\x07\x1b[8m\x1b[2J\r\x9b31m\x7f\u202e\u2028\u200f\U000e0041"

# As Rich writes them: weights and colours, positions of the cursor, erased lines; and the ends of lines and of bars.
_STYLE = r"(?:[0-4]|9|3[0-7]|38;5;\d+|9[0-7])"
_RICH = re.compile(rf"\x1b\[{_STYLE}(?:;{_STYLE})*m|\x1b\[\d*[A-D]|\x1b\[2K|\x1b\[\?25[lh]|\r")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")


@dataclass
class Answer:
    """What a command wrote on a terminal, both streams together, and its exit code."""

    code: int
    output: str

    @property
    def controls(self) -> set[str]:
        """The control characters in the output other than Rich's and line feeds."""
        return {*_CONTROL.findall(_RICH.sub("", self.output))} - {"\n"}

    @property
    def lines(self) -> list[str]:
        """The lines without Rich's control characters."""
        return _RICH.sub("", self.output).split("\n")


def run_on_terminal(*arguments: object, typed: str = "") -> Answer:
    """Run a command in this process with all its streams on a pseudo-terminal; `typed` is its standard input."""
    with _terminal() as (answer, master):
        if typed:
            os.write(master, f"{typed}\n\x04".encode())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["textgraft", *map(str, arguments)])
            patch.setenv("TERM", "xterm-256color")
            patch.setenv("COLUMNS", "200")
            patch.delenv("COLORTERM", raising=False)
            try:
                cli.main()
            except SystemExit as end:
                answer.code = int(end.code or 0)
    return answer


@contextmanager
def _terminal():
    """Standard streams and their file descriptors on a terminal, which echoes nothing and adds nothing."""
    answer, (master, slave) = Answer(-1, ""), os.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    chunks: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(master, chunks))
    reader.start()
    saved = [os.dup(number) for number in range(3)]
    try:
        for number in range(3):
            os.dup2(slave, number)
        os.close(slave)
        with ExitStack() as stack:
            patch = stack.enter_context(pytest.MonkeyPatch.context())
            for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
                stream = stack.enter_context(os.fdopen(os.dup(number), mode, encoding="utf-8"))
                patch.setattr(sys, name, stream)
            yield answer, master
    finally:
        for number, descriptor in enumerate(saved):
            os.dup2(descriptor, number)
            os.close(descriptor)
        reader.join()
        os.close(master)
    answer.output = b"".join(chunks).decode()


def _read_all(master: int, chunks: list[bytes]) -> None:
    with suppress(OSError):  # Linux reports the end as an error
        while chunk := os.read(master, 1 << 16):
            chunks.append(chunk)
