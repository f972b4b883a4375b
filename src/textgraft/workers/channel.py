"""Messages between two workers: named arrays and JSON values over a stream socket, without pickle.

A message is the content of a safetensors file whose metadata has the kind and the values. Ends of the stream are
noticed at once where a process ends, and within 45 seconds where its machine does.
"""

import json
import math
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from textgraft.errors import WorkerError
from textgraft.storage.safetensors import safetensors_dtype, to_safetensors

FAILED, END = "failed", "end"  # kinds of messages that end the run: of a follower with a reason, and of the chief

_MAX_HEADER_BYTES = 2**24
_LENGTH_BYTES = 8

# Of a machine that no longer answers: seconds until it is asked, between two questions, and of waiting for an answer.
_IDLE_SECONDS, _INTERVAL_SECONDS, _QUESTIONS, _ANSWER_SECONDS = 15, 5, 6, 45


class Message(NamedTuple):
    """What `Channel.send` sent: its kind, JSON values by name, and arrays by name."""

    kind: str
    values: dict[str, Any]
    arrays: dict[str, np.ndarray]


class RunEndedError(Exception):
    """The chief has ended the run; its argument is the reason, which is empty where the run is complete."""


class Channel:
    """A connection to another worker, which messages name as `peer`.

    Its methods raise a WorkerError when the other worker has ended; `status` then describes that, such as "by SIGKILL".
    """

    def __init__(self, connection: socket.socket, peer: str, status: Callable[[], str] = str) -> None:
        self._socket, self.peer, self._status = connection, peer, status
        connection.settimeout(None)
        if connection.family in (socket.AF_INET, socket.AF_INET6):
            _notice_silence(connection)

    def send(
        self, kind: str, values: Mapping[str, Any] | None = None, arrays: Mapping[str, np.ndarray] | None = None
    ) -> None:
        """Send JSON values, and arrays of a type that safetensors files of textgraft have."""
        metadata = {"kind": kind, "values": json.dumps(values or {})}
        with self._lost():
            for piece in to_safetensors(arrays or {}, metadata):
                self._socket.sendall(piece)

    def receive(self, *kinds: str) -> Message:
        """The next message, which must be of one of these kinds.

        Raises:
            WorkerError: when the other worker has ended or failed, or sends something else.
            RunEndedError: when the chief has ended the run.
        """
        message = self._read_message()
        if message.kind == FAILED:
            raise WorkerError(f"{self.peer}: {message.values['reason']}")
        if message.kind == END:
            raise RunEndedError(message.values["reason"])
        if message.kind not in kinds:
            raise WorkerError(f"{self.peer} sent {message.kind} in place of {' or '.join(kinds)}; {_SAME_COMMAND}")
        return message

    def check(self) -> None:
        """Raise a WorkerError if the other worker has ended, without waiting."""
        with self._lost(), suppress(BlockingIOError):  # where nothing has arrived
            if not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                raise ConnectionResetError

    def fileno(self) -> int:
        """The file descriptor of the connection."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the connection; the other worker notices."""
        self._socket.close()

    def _read_message(self) -> Message:
        try:
            length = int.from_bytes(self._read(_LENGTH_BYTES), "little")
            if length > _MAX_HEADER_BYTES:
                raise ValueError(length)
            header = json.loads(self._read(length))
            metadata = header.pop("__metadata__")
            arrays = {name: self._read_array(details["dtype"], details["shape"]) for name, details in header.items()}
            return Message(metadata["kind"], json.loads(metadata["values"]), arrays)
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            raise WorkerError(f"{self.peer} does not send messages of textgraft; {_SAME_COMMAND}") from error

    def _read_array(self, dtype: str, shape: list[int]) -> np.ndarray:
        array = np.empty(shape, safetensors_dtype(dtype))
        if math.prod(shape):
            self._fill(array.reshape(-1).view(np.uint8).data)
        return array

    def _read(self, size: int) -> bytearray:
        buffer = bytearray(size)
        self._fill(memoryview(buffer))
        return buffer

    def _fill(self, buffer: memoryview) -> None:
        with self._lost():
            while buffer:
                count = self._socket.recv_into(buffer)
                if not count:
                    raise ConnectionResetError
                buffer = buffer[count:]

    @contextmanager
    def _lost(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise WorkerError(f"{self.peer} has ended {self._status()}".strip()) from error


_SAME_COMMAND = "run the same command and the same version of textgraft on all workers"


def _notice_silence(connection: socket.socket) -> None:
    """Let the system ask a silent machine whether it still runs, and end the connection if it does not answer."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    settings = {
        "TCP_KEEPIDLE": _IDLE_SECONDS,
        "TCP_KEEPINTVL": _INTERVAL_SECONDS,
        "TCP_KEEPCNT": _QUESTIONS,
        "TCP_USER_TIMEOUT": 1000 * _ANSWER_SECONDS,
    }
    for name, value in settings.items():
        if hasattr(socket, name):  # not all on every system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
