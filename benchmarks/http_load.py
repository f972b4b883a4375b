"""HTTP load from a process of its own, with little work for each request.

`python -m benchmarks.http_load` reads a `Plan`, JSON on standard input, and writes its exchanges as JSON: the start and
the end of each request in seconds of the monotonic clock, its status or `REFUSED` or `LOST`, and whether it was a probe
of health.
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
    """

    port: int
    path: str
    bodies: list[str] = field(repr=False)
    seconds: float
    clients: int = 0
    rate: float = 0.0


class Exchange(NamedTuple):
    """A request that was sent."""

    started: float
    ended: float
    status: int
    is_probe: bool = False

    @property
    def seconds(self) -> float:
        """Until its answer was complete."""
        return self.ended - self.started


def start(plan: Plan) -> subprocess.Popen[str]:
    """Start the load in a process."""
    command = [sys.executable, "-m", "benchmarks.http_load"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(plan)))
    process.stdin.close()
    return process


def results(process: subprocess.Popen[str]) -> list[Exchange]:
    """The exchanges of a load that has ended."""
    assert process.stdout is not None
    exchanges = [Exchange(*row) for row in json.loads(process.stdout.read())]
    process.wait()
    return exchanges


class _Connection(asyncio.Protocol):
    """One request at a time on a connection that is kept."""

    def __init__(self) -> None:
        self._buffer, self._missing = b"", -1
        self.answer: asyncio.Future[int] | None = None
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
            self._buffer, self._missing = b"", -1
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
        await probing

    async def _client(self) -> None:
        while time.monotonic() < self._end:
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
        while time.monotonic() < self._end:
            await self._exchange(_request("GET", "/healthz", b""), is_probe=True)
            await asyncio.sleep(PROBE_SECONDS)

    async def _exchange(self, request: bytes, is_probe: bool = False) -> int:
        started = time.monotonic()
        try:
            connection = self._reusable() or await self._connect()
        except OSError:
            status = REFUSED
        else:
            status = await connection.send(request)
            if connection.is_open:
                self._idle.append(connection)
        self.exchanges.append(Exchange(started, time.monotonic(), status, is_probe))
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

    def _next(self) -> bytes:
        self._sent += 1
        return self._requests[self._sent % len(self._requests)]


def _request(method: str, path: str, body: bytes) -> bytes:
    headers = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{method} {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body


def main() -> None:
    """Run the plan on standard input."""
    load = _Load(Plan(**json.loads(sys.stdin.readline())))
    asyncio.run(load.run())
    print(json.dumps(load.exchanges))


if __name__ == "__main__":
    main()
