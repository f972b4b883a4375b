"""A local server that answers as the Hugging Face hub does when a snapshot of one repository is downloaded."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "someone/tiny"

_PIECES = 20  # of a file that is sent slowly


class Hub(BaseHTTPRequestHandler):
    """The parts of the hub's interface that fetching a snapshot uses; subclass it to set its attributes.

    Attributes:
        folder: with the files of the repository.
        cut_short: names of files of which only the first half is sent.
        seconds: that sending a file takes.
    """

    folder: Path
    cut_short: frozenset[str] = frozenset()
    seconds = 0.0

    def do_HEAD(self) -> None:
        """Answer a question about a file."""
        self._answer(with_body=False)

    def do_GET(self) -> None:
        """Answer with the list of files, or a file."""
        if not self.path.startswith(f"/api/models/{REPOSITORY}"):
            self._answer(with_body=True)
            return
        files = [*self.folder.iterdir()]
        if "/tree/" in self.path:
            answer: object = [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": COMMIT} for file in files
            ]
        else:
            answer = {"id": REPOSITORY, "sha": COMMIT, "siblings": [{"rfilename": file.name} for file in files]}
        self._send({"Content-Type": "application/json"}, json.dumps(answer).encode())

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""

    def _answer(self, with_body: bool) -> None:
        file = self.folder / self.path.rpartition("/")[2]
        if "/resolve/" not in self.path or not file.exists():
            self.send_response(404)
            self.end_headers()
            return
        content = file.read_bytes()
        etag = hashlib.sha256(content).hexdigest()
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Content-Length": str(len(content))}
        if file.name in self.cut_short:
            content = content[: len(content) // 2]
        self._send(headers, content if with_body else b"")

    def _send(self, headers: dict[str, str], body: bytes) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        step = max(1, -(-len(body) // _PIECES)) if self.seconds else max(1, len(body))
        with suppress(ConnectionError):  # the client was killed
            for start in range(0, len(body), step):
                self.wfile.write(body[start : start + step])
                time.sleep(self.seconds / _PIECES)


@contextmanager
def running(handler: type[Hub]) -> Iterator[str]:
    """The address of a server that answers with a handler."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
