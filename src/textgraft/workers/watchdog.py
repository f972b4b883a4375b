"""A worker process ends soon after worker 0, also while it reads data or computes."""

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from textgraft.errors import WorkerError
from textgraft.terminal.escaping import printable
from textgraft.workers.channel import Channel

_GRACE_SECONDS = 20.0  # in which the process notices by itself, and releases what it holds


@contextmanager
def ending_with(channel: Channel) -> Iterator[None]:
    """End this process, which must not write files, when the connection is lost and the context does not end.

    On Linux only; elsewhere the process ends when it sends or receives the next message.
    """
    if not hasattr(select, "POLLRDHUP"):
        yield
        return
    is_over, stderr = threading.Event(), -1
    with suppress(OSError):  # it is closed
        stderr = os.dup(2)  # 2 is redirected while the process trains
    threading.Thread(target=_watch, args=(channel, is_over, stderr), daemon=True).start()
    try:
        yield
    finally:
        is_over.set()


def _watch(channel: Channel, is_over: threading.Event, stderr: int) -> None:
    poll = select.poll()
    poll.register(channel.fileno(), select.POLLRDHUP)
    poll.poll()
    if not is_over.wait(_GRACE_SECONDS):
        with suppress(OSError):
            os.write(stderr, f"error: {printable(channel.peer)} has ended\n".encode())
        os._exit(WorkerError.exit_code)
