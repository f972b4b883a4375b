"""The server as a process: hostile clients, signals, and errors before it starts."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.helpers.commands import assert_fails, run, start_process

PATIENCE = 120.0
POST = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
MAX_BODY = 4 << 20
# Slow clients are disconnected after a fifth of the usual time.
IMPATIENT = "from textgraft.serving import connections\nconnections.HEADER_SECONDS = 2.0"


class Server:
    """A process of `textgraft serve` that is ready."""

    def __init__(self, *arguments, timeout=600, patience=PATIENCE, before=""):
        options = ("--port", 0, "--timeout", timeout)
        self.process = start_process("serve", *arguments, *options, before=before, TF_NUM_INTRAOP_THREADS="1")
        self.lines = []
        self.port = None
        self._ready = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        assert self._ready.wait(patience), self.lines
        assert self.process.poll() is None, self.lines

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if match := re.search(r"at http://127\.0\.0\.1:(\d+);", line):
                self.port = int(match[1])
            if '"event": "ready"' in line:
                self._ready.set()
        self._ready.set()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(self, method="GET", path="/healthz", content=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = None if content is None else json.dumps(content)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.status, json.loads(response.read())
        connection.close()
        return answer

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0, self.lines[-5:]

    def records(self):
        return [json.loads(line) for line in self.lines if line.startswith("{")]


@pytest.fixture(scope="module")
def server(model_folders):
    server = Server(model_folders["binary"], timeout=4, before=IMPATIENT)
    yield server
    if server.process.poll() is None:
        server.stop()


def exchange(server, *parts):
    """Send bytes, end sending, and return all that comes back."""
    answer = b""
    with server.connect() as connection, contextlib.suppress(ConnectionError):
        for part in parts:
            connection.sendall(part)
        with contextlib.suppress(OSError):  # the server has ended the connection
            connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(1 << 16):
            answer += chunk
    return answer


def with_body(body, *headers):
    head = POST + b"".join(header + b"\r\n" for header in headers)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


BAD_REQUESTS = {
    "nothing": b"",
    "line feeds": b"\n\n\n\n",
    "random bytes": bytes(range(256)) * 20,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/3.0": b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
    "long line": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    "header without a name": b"GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    "control in the target": b"GET /\x01\x7f HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "bytes in the target": b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "escapes in the target": b"GET /%00%ff%2e%2e/predict?%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "absolute target": b"GET http://other.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "options of all": b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "connect": b"CONNECT other.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "web socket": b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "unknown method": b"BREW /predict HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "length in letters": POST + b"Content-Length: ten\r\n\r\n{}",
    "length above 64 bits": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "unknown encoding": POST + b"Transfer-Encoding: gzip\r\n\r\n{}",
    "wrong chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "long chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"0" * 100_000,
    "unfinished chunks": POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
    "unfinished body": POST + b"Content-Length: 1000\r\n\r\n{",
    "no body": POST + b"\r\n",
    "unknown expectation": POST + b"Expect: miracles\r\nContent-Length: 2\r\n\r\n{}",
    "deep JSON": with_body(b"[" * 1_000_000),
    "deep objects": with_body(b'{"a":' * 300_000),
    "NaN": with_body(b'{"text": NaN}'),
    "wrong types": with_body(b'{"texts": [1, null, {}, [[]]]}'),
    "large number": with_body(b'{"text": ' + b"9" * 1_000_000 + b"}"),
    "many values": with_body(b'{"texts": [' + b"1," * 2_000_000 + b"1]}"),
    "many keys": with_body(b"{" + b",".join(b'"k%d":1' % index for index in range(100_000)) + b"}"),
    "half a surrogate pair": with_body(b'{"text": "\\udc00"}'),
    "not UTF-8": with_body(b'{"text": "\xe9"}'),
    "two requests, the second one bad": b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_http_is_refused_without_a_failure(server, name):
    answer = exchange(server, BAD_REQUESTS[name])
    statuses = [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d{3})", answer, re.MULTILINE)]
    assert all(status < 500 for status in statuses), answer[:500]
    if name not in ("nothing", "unfinished chunks", "unfinished body", "line feeds"):
        assert statuses or not answer
    assert server.ask() == (200, {"status": "ok"})


@pytest.mark.parametrize("name", ["no host", "two hosts", "long line", "long header", "many headers"])
def test_headers_that_are_too_large_or_without_one_host_are_bad_requests(server, name):
    answer = exchange(server, BAD_REQUESTS[name])
    assert answer.startswith(b"HTTP/1.1 400 ") or not answer  # a client that still sends may see a reset
    if answer:
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "malformed"


def test_endless_parts_between_pieces_of_a_body_are_not_held(server):
    before = resident_bytes(server.process.pid)
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    for start in (b"2;name=", b"2\r\n{}\r\n0\r\nTrailer: "):
        answer = exchange(server, head + start, *[b"a" * (1 << 20)] * 64)
        assert not answer or 400 <= int(answer[9:12]) < 500, answer[:200]
    assert resident_bytes(server.process.pid) - before < 48 << 20


def test_body_of_64_mb_is_refused_and_not_held(server):
    before = resident_bytes(server.process.pid)
    chunk = b"x" * (1 << 20)
    answer = exchange(server, POST + b"Content-Length: %d\r\n\r\n" % (64 << 20), *[chunk] * 64)
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    pieces = [b"100000\r\n" + chunk + b"\r\n"] * 64
    answer = exchange(server, POST + b"Transfer-Encoding: chunked\r\n\r\n", *pieces, b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413"), answer[:200]
    assert resident_bytes(server.process.pid) - before < 48 << 20


def resident_bytes(process_id):
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_bad_http_leaves_no_exception_in_the_log(server):
    """After the tests above, in this file's order."""
    server.ask()
    failures = [record for record in server.records() if "traceback" in record or record["level"] == "error"]
    assert failures == []


def test_slow_clients_are_disconnected_and_delay_nobody(server):
    slow = [server.connect() for _ in range(50)]
    for connection in slow:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
    body = server.connect()
    body.sendall(POST + b"Content-Length: 10\r\n\r\n{")
    started = time.monotonic()
    assert server.ask()[0] == 200
    assert time.monotonic() - started < 1
    while time.monotonic() - started < 30 and not all(map(is_closed, slow)):
        for connection in slow:
            with contextlib.suppress(OSError):
                connection.send(b"a")  # a byte now and then does not help
        time.sleep(0.2)
    assert all(map(is_closed, slow))
    assert body.recv(1000).startswith(b"HTTP/1.1 408")
    for connection in (*slow, body):
        connection.close()


def is_closed(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1000) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_answers_on_a_kept_connection_are_not_delayed(server):
    connection, seconds = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30), []
    for _ in range(21):
        started = time.monotonic()
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        seconds.append(time.monotonic() - started)
    connection.close()
    assert sorted(seconds)[10] < 0.03  # a client acknowledges a first part of an answer after 0.04 s


def test_head_is_answered_as_get_without_the_body(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    sizes = []
    for method in ("HEAD", "GET"):  # a body after the first one would be taken for the answer to the second
        connection.request(method, "/healthz")
        response = connection.getresponse()
        assert response.status == 200
        sizes.append((response.headers["content-length"], len(response.read())))
    connection.close()
    (length, nothing), (same_length, size) = sizes
    assert (length, nothing) == (same_length, 0)
    assert int(length) == size > 0


def keep_asking(server, results, ended):
    """Ask on connections that are kept, until the server accepts none."""
    connection, content = None, json.dumps({"texts": ["a long text " * 20] * 8})
    while not ended.is_set():
        try:
            if connection is None:
                connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
                connection.connect()
        except ConnectionRefusedError:
            results.append("refused")
            return
        except ConnectionResetError:
            results.append("reset")
            continue
        try:
            connection.request("POST", "/predict", content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer = json.loads(response.read())
            results.append(response.status if len(answer.get("predictions", ())) == 8 else answer)
            if response.getheader("connection") == "close":
                connection = None
        except ConnectionResetError:
            results.append("reset")
            connection = None
        except (OSError, http.client.HTTPException) as error:
            results.append(repr(error))
            connection = None


def test_sigterm_under_load_loses_no_request(model_folders):
    server, results, ended = Server(model_folders["binary"]), [], threading.Event()
    threads = [threading.Thread(target=keep_asking, args=(server, results, ended)) for _ in range(16)]
    for thread in threads:
        thread.start()
    time.sleep(1.5)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0
    ended.set()
    for thread in threads:
        thread.join()
    assert results.count(200) > 16
    assert set(results) <= {200, "refused", "reset"}, {str(result)[:200] for result in results}
    # Connections that the server has not accepted are reset at its end: nothing of them is read.
    requests = [record for record in server.records() if record["event"] == "request"]
    assert len(requests) == results.count(200)
    assert [record["event"] for record in server.records()][-1] == "ended"


def test_readiness_ends_with_the_signal(server):
    """The last test of this server, which ends."""
    assert server.ask(path="/readyz")[0] == 200
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert server.ask(path="/readyz") == (503, {"status": "draining", "models": {"binary": "ready"}})
    assert server.ask("POST", "/predict", {"text": "a"})[0] == 200
    assert server.process.wait(PATIENCE) == 0


def test_port_in_use_is_one_line(model_folders):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert_fails(run("serve", model_folders["binary"], "--port", port), 7, f"port {port} of 127.0.0.1 is in use")


def test_address_of_another_machine_is_one_line(model_folders):
    result = run("serve", model_folders["binary"], "--host", "192.0.2.1", "--insecure", "--port", 0)
    assert_fails(result, 2, "cannot listen at 192.0.2.1")


def test_damaged_folder_is_one_line(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "manifest.json").write_text("{}")
    assert_fails(run("serve", tmp_path / "model", "--port", 0), 5, "manifest.json")


def test_missing_extra_is_one_line(model_folders, monkeypatch):
    monkeypatch.setattr("textgraft.serving.settings.find_spec", lambda name: None)
    assert_fails(run("serve", model_folders["binary"]), 2, "pip install 'textgraft[serve]'")


def test_help_and_checks_need_neither_tensorflow_nor_fastapi():
    code = """import sys
import textgraft.cli.serve
print([name for name in ("fastapi", "starlette", "tensorflow", "uvicorn") if name in sys.modules])"""
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert answer.splitlines()[-1] == "[]"
