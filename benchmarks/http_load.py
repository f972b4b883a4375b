"""HTTP load from a process of its own, with little work for each request.

`python -m benchmarks.http_load` reads a `Plan`, JSON on standard input, and writes a `Result` as JSON: the start and
the end of each request in seconds of the monotonic clock, its status or `REFUSED` or `LOST`, whether it was a probe of
health, its body, and its answer if answers are kept; and the time of the processor that all this took.
"""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

PROBE_SECONDS = 0.2
# In place of the status of a connection that was not accepted, and of one that ended before its answer.
REFUSED, LOST = 0, -1


@dataclass(frozen=True)
class Plan:
    """What is sent.

    Attributes:
        port: of the server on this machine.
        path: of all requests.
        bodies: JSON texts, in turn.
        seconds: of the load.
        clients: of a closed loop: each sends its next request after an answer.
        rate: requests a second of an open loop, in place of clients.
        requests: after so many, the load ends; 0 for no such limit. They are sent in the order of the bodies.
        keeps_answers: whether the results have the answers.
    """

    port: int
    path: str
    bodies: list[str] = field(repr=False)
    seconds: float
    clients: int = 0
    rate: float = 0.0
    requests: int = 0
    keeps_answers: bool = False


class Exchange(NamedTuple):
    """A request that was sent; `body` is the index of its body among those of the plan."""

    started: float
    ended: float
    status: int
    is_probe: bool = False
    body: int = -1
    answer: str = ""

    @property
    def seconds(self) -> float:
        """Until its answer was complete."""
        return self.ended - self.started


class Result(NamedTuple):
    """The exchanges of a load, and the seconds of the processor that its process took for them."""

    exchanges: list[Exchange]
    processor_seconds: float

    @property
    def requests(self) -> list[Exchange]:
        """The exchanges that are no probes."""
        return [exchange for exchange in self.exchanges if not exchange.is_probe]


def start(plan: Plan) -> subprocess.Popen[str]:
    """Start the load in a process."""
    command = [sys.executable, "-m", "benchmarks.http_load"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)))
    process.stdin.close()
    return process


def result(process: subprocess.Popen[str]) -> Result:
    """What a load has done, at its end."""
    assert process.stdout is not None
    rows, seconds = json.loads(process.stdout.read())
    process.wait()
    return Result([Exchange(*row) for row in rows], seconds)


class _Connection(asyncio.Protocol):
    """One request at a time on a connection that is kept."""

    def __init__(self) -> None:
        self._buffer, self._missing = b"", -1
        self.answer: asyncio.Future[int] | None = None
        self.content = b""
        self.is_open = True

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self, request: bytes) -> "asyncio.Future[int]":
        """Send a request; the future is its status."""
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self.answer

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._missing < 0:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            self._status = int(head[9:12])
            lowered = head.lower()
            self._missing = int(lowered.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            self.is_open = b"connection: close" not in lowered
            self._buffer = rest
        if len(self._buffer) >= self._missing:
            self.content, self._buffer, self._missing = self._buffer, b"", -1
            if self.answer and not self.answer.done():
                self.answer.set_result(self._status)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self.answer and not self.answer.done():
            self.answer.set_result(LOST)


class _Load:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.exchanges: list[Exchange] = []
        self._idle: list[_Connection] = []
        self._requests = [_request("POST", plan.path, body.encode()) for body in plan.bodies]
        self._sent = 0
        self._end = time.monotonic() + plan.seconds

    async def run(self) -> None:
        probing = asyncio.create_task(self._probe())
        if self.plan.rate:
            await self._open_loop()
        else:
            await asyncio.gather(*(self._client() for _ in range(self.plan.clients)))
        probing.cancel()

    async def _client(self) -> None:
        while time.monotonic() < self._end and not 0 < self.plan.requests <= self._sent:
            if await self._exchange(self._next()) <= 0:
                await asyncio.sleep(0.05)

    async def _open_loop(self) -> None:
        started, tasks, sent = time.monotonic(), set(), 0
        while (now := time.monotonic()) < self._end:
            for _ in range(int((now - started) * self.plan.rate) - sent):
                tasks.add(asyncio.create_task(self._exchange(self._next())))
                sent += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*tasks)

    async def _probe(self) -> None:
        while True:
            await self._exchange(None)
            await asyncio.sleep(PROBE_SECONDS)

    async def _exchange(self, body: int | None) -> int:
        """Send a body, by its index, or a probe, and return the status."""
        request = _PROBE if body is None else self._requests[body]
        started, answer = time.monotonic(), ""
        try:
            connection = self._reusable() or await self._connect()
        except OSError:
            status = REFUSED
        else:
            status = await connection.send(request)
            if self.plan.keeps_answers and body is not None:
                answer = connection.content.decode()
            if connection.is_open:
                self._idle.append(connection)
        index = -1 if body is None else body
        self.exchanges.append(Exchange(started, time.monotonic(), status, body is None, index, answer))
        return status

    def _reusable(self) -> _Connection | None:
        """A connection that waits for a request, and that the server has not closed meanwhile."""
        while self._idle:
            if (connection := self._idle.pop()).is_open:
                return connection
        return None

    async def _connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, "127.0.0.1", self.plan.port)
        return connection

    def _next(self) -> int:
        index = self._sent % len(self._requests)
        self._sent += 1
        return index


def _request(method: str, path: str, body: bytes) -> bytes:
    headers = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{method} {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body


_PROBE = _request("GET", "/healthz", b"")


def main() -> None:
    """Run the plan on standard input."""
    load = _Load(Plan(**json.loads(sys.stdin.readline())))
    started = time.process_time()
    asyncio.run(load.run())
    print(json.dumps([load.exchanges, time.process_time() - started]))


if __name__ == "__main__":
    main()
