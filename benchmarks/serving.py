"""`textgraft serve` beside `predict`: answers, throughput and latency of 32 clients, overload, reload, and signals.

Short texts are questions of TREC, and the overload is of reviews of IMDb, 256 tokens each, one text a request.
`python -m benchmarks.serving [--seconds N] [PART ...]` runs parts: parity, closed, overload, reload, sigterm, sigkill.
The times of the processor show how much of a ratio is that of the server where other programs run beside it.
"""

import argparse
import json
import os
import random
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
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks import http_load
from benchmarks.http_load import Exchange, Plan, Result
from benchmarks.report import data_folder, report, sample
from textgraft.data.golden_texts import GOLDEN_TEXTS

CLIENTS = 32
TEXTS_PER_REQUEST = (1, 16)
FACTOR = 5  # of the capacity, in the overload
WARM_UP = 3.0
PARITY_TEXTS = 2000
TOLERANCE = 1e-6  # of a probability
# Texts a second of all texts in one call, and of as many as the clients have, call by call; and the time of the
# processor for a text of the former, in milliseconds.
_PREDICT = """
import sys, time, json
import textgraft as tg
model, texts, clients = tg.load(sys.argv[1]), json.load(sys.stdin), int(sys.argv[2])
def rate(size):
    model.predict(texts[:size])
    start, processor = time.monotonic(), time.process_time()
    for first in range(0, len(texts), size):
        model.predict(texts[first : first + size])
    return len(texts) / (time.monotonic() - start), 1000 * (time.process_time() - processor) / len(texts)
best, processor = max(rate(len(texts)), rate(len(texts)))
print(json.dumps([best, rate(clients)[0], processor]))
"""


class Server:
    """A process of `textgraft serve` that is ready."""

    def __init__(self, folder: Path, *options: str) -> None:
        command = [sys.executable, "-m", "textgraft", "serve", f"model={folder}", "--port", "0", *options]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.port, self.events, started = 0, Counter[str](), time.monotonic()
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.wait_for("ready")
        self.ready_seconds = time.monotonic() - started

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

    def processor_seconds(self) -> float:
        """Time of the processor, of all threads."""
        ticks = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

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
    parser.add_argument("parts", nargs="*", default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = options.model or train_model(Path(name) / "model")
        parts = {
            "parity": lambda: parity(folder),
            "closed": lambda: closed(folder, options.seconds),
            "overload": lambda: overload(folder, options.overload_seconds),
            "reload": lambda: reload(folder, Path(name) / "copy", options.seconds),
            "sigterm": lambda: sigterm(folder, options.seconds),
            "sigkill": lambda: sigkill(folder),
        }
        for part in options.parts or parts:
            parts[part]()


def train_model(folder: Path) -> Path:
    """Write a model folder of a head on frozen minilm, and n-grams, for kinds of questions."""
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


def _nasty_texts() -> list[str]:
    """Distinct texts, of parts of those that break tokenizers."""
    draw, texts = random.Random(0), dict.fromkeys(GOLDEN_TEXTS)
    while len(texts) < PARITY_TEXTS:
        parts = [draw.choice(GOLDEN_TEXTS) for _ in range(draw.randint(1, 4))]
        starts = [draw.randint(0, len(part)) for part in parts]
        pieces = [part[start : start + draw.randint(1, 400)] for part, start in zip(parts, starts, strict=True)]
        texts[draw.choice(["", " ", "\n", "\u200b"]).join(pieces)] = None
    return [*texts]


def parity(folder: Path) -> None:
    """Labels and probabilities of 32 clients beside those of `predict`, in float32, single texts and several."""
    texts = _nasty_texts()
    model = tg.load(folder, "float32")
    assert isinstance(model, tg.TextClassifier)
    labels, probabilities = model.predict(texts), model.predict_proba(texts)
    server = Server(folder, "--precision", "float32", "--timeout", "600")  # no request is refused
    for per_request in TEXTS_PER_REQUEST:
        # In the protocol whose probabilities are not rounded.
        plan = _plan(server, texts, 600, per_request, "/v1/models/model:predict", "instances", clients=CLIENTS)
        plan = replace(plan, requests=len(plan.bodies), keeps_answers=True)
        requests = http_load.result(http_load.start(plan)).requests
        answers: dict[int, Any] = {}
        for exchange in requests:
            assert exchange.status == 200, exchange
            rows = json.loads(exchange.answer)["predictions"]
            answers |= {per_request * exchange.body + index: row for index, row in enumerate(rows)}
        served = np.array([answers[index]["scores"] for index in range(len(texts))])
        differences = np.abs(served - probabilities).max(axis=1)
        report(
            "serving_parity",
            texts=len(texts),
            texts_per_request=per_request,
            requests=len(requests),
            different_labels=sum(answers[index]["label"] != label for index, label in enumerate(labels)),
            above_tolerance=int((differences > TOLERANCE).sum()),
            largest_difference=float(differences.max()),
        )
    server.stop()


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
    server_seconds = server.processor_seconds()
    result = _load(server, texts, seconds, per_request, clients=CLIENTS)
    server_seconds = server.processor_seconds() - server_seconds
    batch = {name: server.metric(f"textgraft_batch_seconds_{name}") - value for name, value in before.items()}
    requests = result.requests
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
        health_max_ms=_health(result),
        server_ms_per_request=round(1000 * server_seconds / len(requests), 2),
        client_ms_per_request=round(1000 * result.processor_seconds / len(requests), 2),
        predict_ms_per_text=round(rates[2], 2),
    )
    server.stop()


def overload(folder: Path, seconds: float) -> None:
    """Requests at five times the capacity."""
    texts = _reviews()
    server = Server(folder)
    _load(server, texts, WARM_UP, clients=CLIENTS)
    capacity = len(_load(server, texts, 10, clients=CLIENTS).requests) / 10
    _load(server, texts, 10, rate=FACTOR * capacity)  # memory grows to that of a full queue
    memory = server.resident_mb()
    result = _load(server, texts, seconds, rate=FACTOR * capacity)
    requests = result.requests
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
        health_max_ms=_health(result),
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
    requests = http_load.result(process).requests
    report("serving_reload", reloads=3, statuses=_statuses(requests), **_latencies(requests))
    server.stop()


def sigterm(folder: Path, seconds: float) -> None:
    """SIGTERM while 32 clients ask, until the port is closed."""
    server = Server(folder)
    process = http_load.start(_plan(server, _questions(), seconds / 3, clients=CLIENTS))
    time.sleep(seconds / 6)
    code = server.stop()
    requests = http_load.result(process).requests
    answered, lost = (sum(exchange.status == status for exchange in requests) for status in (200, http_load.LOST))
    report("serving_sigterm", exit_code=code, answered=answered, lost=lost)


def sigkill(folder: Path) -> None:
    """SIGKILL while 32 clients ask, and another server, on the same port."""
    server = Server(folder)
    process = http_load.start(_plan(server, _questions(), 4.0, clients=CLIENTS))
    time.sleep(2.0)
    server.process.kill()
    server.process.wait()
    again = Server(folder, "--port", str(server.port))
    requests = http_load.result(process).requests
    report(
        "serving_sigkill",
        ready_seconds=round(server.ready_seconds, 1),
        ready_again_seconds=round(again.ready_seconds, 1),
        statuses=_statuses(requests),
    )
    again.stop()


def _plan(
    server: Server, texts: Sequence[str], seconds: float, per_request: int = 1, path: str = "/predict",
    key: str = "texts", **load: Any,
) -> Plan:  # fmt: skip
    starts = range(0, len(texts), per_request)
    bodies = [json.dumps({key: texts[start : start + per_request]}) for start in starts]
    return Plan(server.port, path, bodies, seconds, **load)


def _load(server: Server, texts: Sequence[str], seconds: float, per_request: int = 1, **load: Any) -> Result:
    return http_load.result(http_load.start(_plan(server, texts, seconds, per_request, **load)))


def _statuses(exchanges: Sequence[Exchange]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(Counter(each.status for each in exchanges).items())}


def _quantile(exchanges: Sequence[Exchange], share: float) -> float:
    return float(np.quantile([exchange.seconds for exchange in exchanges], share))


def _latencies(exchanges: Sequence[Exchange], prefix: str = "") -> dict[str, float]:
    if not exchanges:
        return {}
    return {f"{prefix}p{round(100 * share)}_ms": round(1000 * _quantile(exchanges, share), 1) for share in (0.5, 0.99)}


def _health(result: Result) -> float:
    probes = [exchange.seconds for exchange in result.exchanges if exchange.is_probe]
    return round(1000 * max(probes), 1)


if __name__ == "__main__":
    main()
