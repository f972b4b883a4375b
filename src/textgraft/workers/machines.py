"""Workers on several machines, which the variable TF_CONFIG of TensorFlow lists.

Worker 0 listens at its address of the list, and the others connect to it. Both sides prove by a challenge that they
have the same key; what they send afterwards is not encrypted.
"""

import hmac
import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from textgraft.errors import ConfigError, WorkerError
from textgraft.workers.channel import Channel
from textgraft.workers.team import Chief, Follower
from textgraft.workers.watchdog import ending_with

KEY_VARIABLE = "TEXTGRAFT_WORKERS_KEY"
_CONFIG_VARIABLE = "TF_CONFIG"

_JOIN_SECONDS = 300.0  # until all workers are connected
_CHALLENGE_SECONDS = 10.0
_NONCE_BYTES, _INDEX_BYTES, _PROOF_BYTES = 32, 4, 32


@dataclass(frozen=True)
class Cluster:
    """The workers of TF_CONFIG.

    Attributes:
        addresses: host and port of each worker, by index.
        worker: the index of this one.
        key: the secret that all workers have.
    """

    addresses: tuple[tuple[str, int], ...]
    worker: int
    key: bytes

    @classmethod
    def from_environment(cls, workers: int) -> "Cluster | None":
        """The cluster that the environment describes; None where TF_CONFIG is not set.

        Raises:
            ConfigError: when it is not valid, has another number of workers, or the key is not set.
        """
        if not (text := os.environ.get(_CONFIG_VARIABLE, "")):
            return None
        try:
            addresses, worker = _parse(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ConfigError(
                f"{_CONFIG_VARIABLE} is not valid ({error}); set it to "
                '{"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": "worker", "index": N}}'
            ) from None
        if len(addresses) != workers:
            raise ConfigError(f"workers is {workers}, but {_CONFIG_VARIABLE} lists {len(addresses)}; change one")
        if not (key := os.environ.get(KEY_VARIABLE, "")):
            raise ConfigError(f"set the environment variable {KEY_VARIABLE} to the same secret on all workers")
        return cls(tuple(addresses), worker, key.encode())

    @contextmanager
    def joined(self) -> Iterator[Chief | Follower]:
        """This process among the workers, until the end of the context; see `chief` and `follower`."""
        if self.worker == 0:
            with self.chief() as chief:
                yield chief
            return
        follower = self.follower()
        with follower.following(), ending_with(follower.channel):
            yield follower

    @contextmanager
    def chief(self) -> Iterator[Chief]:
        """Wait for the other workers, and lead them; they end with the context.

        Raises:
            WorkerError: when this address is not free, or a worker does not connect in time.
        """
        host, port = self.addresses[0]
        try:
            listener = socket.create_server((host, port), family=_family(host, port))
        except OSError as error:
            raise WorkerError(f"worker 0 cannot listen at {host}:{port}: {error.strerror}") from error
        with listener:
            connections = self._accept(listener)
        chief = Chief([Channel(connections[worker], f"worker {worker}") for worker in sorted(connections)])
        with chief.leading():
            yield chief

    def follower(self) -> Follower:
        """Connect to worker 0, which may start later.

        Raises:
            WorkerError: when it does not answer in time, or has another key.
        """
        host, port = self.addresses[0]
        end = time.monotonic() + _JOIN_SECONDS
        while True:
            try:
                connection = socket.create_connection((host, port), timeout=_CHALLENGE_SECONDS)
                break
            except OSError as error:
                if time.monotonic() > end:
                    raise WorkerError(
                        f"worker 0 does not answer at {host}:{port}: {error.strerror or error}"
                    ) from error
                time.sleep(0.2)
        try:
            self._prove(connection)
        except OSError as error:
            connection.close()
            raise WorkerError(
                f"worker 0 at {host}:{port} refuses worker {self.worker}; set the same {KEY_VARIABLE} and TF_CONFIG"
            ) from error
        return Follower(Channel(connection, "worker 0"), self.worker, len(self.addresses), is_local=False)

    def _accept(self, listener: socket.socket) -> dict[int, socket.socket]:
        """The connections of all other workers, by index; those without the key are closed."""
        connections: dict[int, socket.socket] = {}
        end = time.monotonic() + _JOIN_SECONDS
        while missing := set(range(1, len(self.addresses))) - connections.keys():
            listener.settimeout(max(0.01, end - time.monotonic()))
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                names = ", ".join(map(str, sorted(missing)))
                raise WorkerError(
                    f"worker {names} not connected after {_JOIN_SECONDS:.0f} s; start all workers"
                ) from None
            with suppress(OSError):
                connections[self._challenge(connection, missing)] = connection
                continue
            connection.close()
        return connections

    def _challenge(self, connection: socket.socket, missing: set[int]) -> int:
        """The index of the worker that connected; an OSError unless it has the key, and this index is missing."""
        connection.settimeout(_CHALLENGE_SECONDS)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        connection.sendall(nonce)
        answer = _receive(connection, _NONCE_BYTES + _INDEX_BYTES + _PROOF_BYTES)
        claim, proof = answer[:-_PROOF_BYTES], answer[-_PROOF_BYTES:]
        worker = int.from_bytes(claim[_NONCE_BYTES:], "big")
        if not hmac.compare_digest(proof, self._digest(b"follower", nonce, claim)) or worker not in missing:
            raise ConnectionRefusedError
        connection.sendall(self._digest(b"chief", nonce, claim))
        return worker

    def _prove(self, connection: socket.socket) -> None:
        """Answer the challenge, and verify that worker 0 has the key too; else an OSError."""
        nonce = _receive(connection, _NONCE_BYTES)
        claim = secrets.token_bytes(_NONCE_BYTES) + self.worker.to_bytes(_INDEX_BYTES, "big")
        connection.sendall(claim + self._digest(b"follower", nonce, claim))
        if not hmac.compare_digest(_receive(connection, _PROOF_BYTES), self._digest(b"chief", nonce, claim)):
            raise ConnectionRefusedError

    def _digest(self, role: bytes, nonce: bytes, claim: bytes) -> bytes:
        return hmac.digest(self.key, role + nonce + claim, "sha256")


def _parse(config: Any) -> tuple[list[tuple[str, int]], int]:
    """The addresses of all workers, a chief first, and the index of this one."""
    cluster, task = config["cluster"], config["task"]
    if others := cluster.keys() - {"chief", "worker"}:
        raise ValueError(f"a cluster of {', '.join(sorted(others))}")
    chiefs = list(cluster.get("chief", []))
    addresses = [_address(address) for address in chiefs + list(cluster.get("worker", []))]
    index = int(task["index"]) + {"chief": 0, "worker": len(chiefs)}[task["type"]]
    if not 0 <= index < len(addresses):
        raise ValueError(f"no {task['type']} {task['index']}")
    return addresses, index


def _address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]


def _receive(connection: socket.socket, size: int) -> bytes:
    """Exactly this many bytes, or an OSError."""
    content = b""
    while len(content) < size:
        piece = connection.recv(size - len(content))
        if not piece:
            raise ConnectionResetError
        content += piece
    return content
