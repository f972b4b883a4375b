"""`textgraft serve` beside `predict`: throughput and latency of 32 clients, overload, reload and SIGTERM under load.

Short texts are questions of TREC, and the overload is of reviews of IMDb, 256 tokens each, one text a request.
`python -m benchmarks.serving [--seconds N] [PART ...]` runs parts: closed, overload, reload, sigterm.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks import http_load
from benchmarks.http_load import Exchange, Plan
from benchmarks.report import data_folder, report, sample

CLIENTS = 32
TEXTS_PER_REQUEST = (1, 16)
FACTOR = 5  # of the capacity, in the overload
WARM_UP = 3.0
# Texts a second of all texts in one call, and of as many as the clients have, call by call.
_PREDICT = """
import sys, time, json
import textgraft as tg
model, texts, clients = tg.load(sys.argv[1]), json.load(sys.stdin), int(sys.argv[2])
def rate(size):
    model.predict(texts[:size])
    start = time.monotonic()
    for first in range(0, len(texts), size):
        model.predict(texts[first : first + size])
    return len(texts) / (time.monotonic() - start)
print(json.dumps([max(rate(len(texts)), rate(len(texts))), rate(clients)]))
"""


class Server:
    """A process of `textgraft serve` that is ready."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "textgraft", "serve", f"model={folder}", "--port", "0", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.port, self.events = 0, Counter[str]()
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for("ready")

    def _read(self) -> None:
        for line in self.process.stderr or ():
            with self._changed:
                if match := re.search(r"at http://127\.0\.0\.1:(\d+);", line):
                    self.port = int(match[1])
                if line.startswith("{"):
                    self.events[json.loads(line)["event"]] += 1
                self._changed.notify_all()

    def wait_for(self, event: str, seconds: float = 300) -> None:
        """Wait for an event in the log."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.events[event] > 0, seconds), (event, self.process.poll())

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as response:
            rows = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", response.read().decode(), re.MULTILINE)
        return sum(map(float, rows))

    def resident_mb(self) -> float:
        """Memory of the process."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> int:
        """End the process; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)


def main() -> None:
    """Run the parts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30.0, help="of each load")
    parser.add_argument("--overload-seconds", type=float, default=120.0)
    parser.add_argument("--model", type=Path, help="model folder in place of one that is trained first")
    parser.add_argument("parts", nargs="*", default=["closed", "overload", "reload", "sigterm"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.model or _train(Path(name) / "model")
        parts = {
            "closed": lambda: closed(folder, options.seconds),
            "overload": lambda: overload(folder, options.overload_seconds),
            "reload": lambda: reload(folder, Path(name) / "copy", options.seconds),
            "sigterm": lambda: sigterm(folder, options.seconds),
        }
        for part in options.parts:
            parts[part]()


def _train(folder: Path) -> Path:
    train = sample(tg.load_dataset(data_folder() / "trec", split="train", label="label"), 500)
    model = tg.TextClassifier("minilm", train.label_names)
    model.fit(train, fine_tune="none", head="logistic", progress=False)
    model.save(folder)
    return folder


def _questions() -> list[str]:
    data = tg.load_dataset(data_folder() / "trec", split="train", label="label")
    return [text.decode() for batch in data.batches() for text in batch.texts][:4096]


def _reviews(number: int = 512) -> list[str]:
    data = tg.load_dataset(data_folder() / "imdb", split="test", label="label")
    texts = (text.decode() for batch in data.batches() for text in batch.texts if len(text) > 1500)
    return list(islice(texts, number))


def closed(folder: Path, seconds: float) -> None:
    """32 clients, each with one request at a time, beside `predict` on the same texts."""
    texts = _questions()
    command = [sys.executable, "-c", _PREDICT, str(folder), str(CLIENTS)]
    output = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True).stdout
    rates = json.loads(output)
    for per_request in TEXTS_PER_REQUEST:
        _closed(folder, texts, seconds, per_request, rates)


def _closed(folder: Path, texts: Sequence[str], seconds: float, per_request: int, rates: Sequence[float]) -> None:
    server = Server(folder)
    _load(server, texts, WARM_UP, per_request, clients=CLIENTS)
    before = {name: server.metric(f"textgraft_batch_seconds_{name}") for name in ("sum", "count")}
    exchanges = _load(server, texts, seconds, per_request, clients=CLIENTS)
    batch = {name: server.metric(f"textgraft_batch_seconds_{name}") - value for name, value in before.items()}
    requests = [exchange for exchange in exchanges if not exchange.is_probe]
    served = per_request * len(requests)
    rate = served / (max(each.ended for each in requests) - min(each.started for each in requests))
    mean_batch = batch["sum"] / batch["count"]
    report(
        "serving_closed",
        texts_per_request=per_request,
        predict_texts_per_second=round(rates[0], 1),
        predict_texts_per_second_of_32=round(rates[1], 1),
        served_texts_per_second=round(rate, 1),
        ratio=round(rate / rates[0], 3),
        ratio_to_32=round(rate / rates[1], 3),
        texts_per_batch=round(served / batch["count"], 1),
        batch_ms=round(1000 * mean_batch, 1),
        **_latencies(requests),
        p99_in_batches=round(_quantile(requests, 0.99) / mean_batch, 2),
        statuses=_statuses(requests),
        health_max_ms=_health(exchanges),
    )
    server.stop()


def overload(folder: Path, seconds: float) -> None:
    """Requests at five times the capacity."""
    texts = _reviews()
    server = Server(folder)
    _load(server, texts, WARM_UP, clients=CLIENTS)
    capacity = len([1 for exchange in _load(server, texts, 10, clients=CLIENTS) if not exchange.is_probe]) / 10
    _load(server, texts, 10, rate=FACTOR * capacity)  # memory grows to that of a full queue
    memory = server.resident_mb()
    exchanges = _load(server, texts, seconds, rate=FACTOR * capacity)
    requests = [exchange for exchange in exchanges if not exchange.is_probe]
    answered = [exchange for exchange in requests if exchange.status == 200]
    refused = [exchange for exchange in requests if exchange.status == 429]
    report(
        "serving_overload",
        seconds=seconds,
        capacity_texts_per_second=round(capacity, 1),
        offered_per_second=round(FACTOR * capacity, 1),
        answered_per_second=round(len(answered) / seconds, 1),
        statuses=_statuses(requests),
        answered_max_seconds=round(max(exchange.seconds for exchange in answered), 2),
        **_latencies(refused, "refused_"),
        health_max_ms=_health(exchanges),
        memory_mb=round(memory),
        memory_growth_mb=round(server.resident_mb() - memory),
        is_running=server.process.poll() is None,
    )
    server.stop()


def reload(folder: Path, copy: Path, seconds: float) -> None:
    """The folder is replaced three times while 32 clients ask."""
    model = tg.load(folder)
    model.save(copy)
    server = Server(copy)
    process = http_load.start(_plan(server, _questions(), seconds, clients=CLIENTS))
    for number in range(3):
        time.sleep(seconds / 8)
        model.objective.temperature = 1.0 + number / 10
        server.events["reloaded"] = 0
        model.save(copy, overwrite=True)
        server.wait_for("reloaded")
    requests = [exchange for exchange in http_load.results(process) if not exchange.is_probe]
    report("serving_reload", reloads=3, statuses=_statuses(requests), **_latencies(requests))
    server.stop()


def sigterm(folder: Path, seconds: float) -> None:
    """SIGTERM while 32 clients ask, until the port is closed."""
    server = Server(folder)
    process = http_load.start(_plan(server, _questions(), seconds / 3, clients=CLIENTS))
    time.sleep(seconds / 6)
    code = server.stop()
    requests = [exchange for exchange in http_load.results(process) if not exchange.is_probe]
    answered, lost = (sum(exchange.status == status for exchange in requests) for status in (200, http_load.LOST))
    report("serving_sigterm", exit_code=code, answered=answered, lost=lost)


def _plan(server: Server, texts: Sequence[str], seconds: float, per_request: int = 1, **load: Any) -> Plan:
    starts = range(0, len(texts), per_request)
    bodies = [json.dumps({"texts": texts[start : start + per_request]}) for start in starts]
    return Plan(server.port, "/predict", bodies, seconds, **load)


def _load(server: Server, texts: Sequence[str], seconds: float, per_request: int = 1, **load: Any) -> list[Exchange]:
    return http_load.results(http_load.start(_plan(server, texts, seconds, per_request, **load)))


def _statuses(exchanges: Sequence[Exchange]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(Counter(each.status for each in exchanges).items())}


def _quantile(exchanges: Sequence[Exchange], share: float) -> float:
    return float(np.quantile([exchange.seconds for exchange in exchanges], share))


def _latencies(exchanges: Sequence[Exchange], prefix: str = "") -> dict[str, float]:
    if not exchanges:
        return {}
    return {f"{prefix}p{round(100 * share)}_ms": round(1000 * _quantile(exchanges, share), 1) for share in (0.5, 0.99)}


def _health(exchanges: Sequence[Exchange]) -> float:
    probes = [exchange.seconds for exchange in exchanges if exchange.is_probe]
    return round(1000 * max(probes), 1)


if __name__ == "__main__":
    main()
