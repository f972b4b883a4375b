"""Embeddings of IMDb reviews by textgraft and sentence-transformers in turns, and the time of one short text.

    python -m benchmarks.embedding_speed [--rounds N] [--reviews N]

Each has its own process, which stays; one after the other embeds the same reviews, the next ones in each round, so that
other load affects all. Ratios are those of the medians.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import textgraft as tg
from benchmarks.comparison.jobs import minilm_folder
from benchmarks.comparison.roster import ENVIRONMENTS, ROOT
from benchmarks.engines import embedder
from benchmarks.report import data_folder, report, sample

_PEER = "sentence-transformers"
_SHORT_TEXT = "This film was a great pleasure from beginning to end, and I would see it again."
_SHORT_CALLS, _OTHER_REVIEWS = 50, 200  # the latter for warm-up and the proof of int8


@dataclass(frozen=True)
class Engine:
    """What computes embeddings: a file of `benchmarks.engines` with its last argument, and its environment."""

    module: str
    form: str
    environment: str


ENGINES = {
    "textgraft": Engine("embed_textgraft", "tensorflow", "textgraft"),
    "textgraft --engine onnx": Engine("embed_textgraft", "onnx", "textgraft"),
    "textgraft --engine onnx --precision int8": Engine("embed_textgraft", "int8", "textgraft"),
    _PEER: Engine("embed_sentence_transformers", "float32", "torch"),
}


def main() -> None:
    """Run the rounds, and report each engine."""
    arguments = _arguments()
    count = arguments.rounds * arguments.reviews
    reviews = sample(tg.load_dataset(data_folder() / "imdb", split="test", label="label"), count + _OTHER_REVIEWS)
    texts = [_SHORT_TEXT, *(row.text for row in reviews)]
    speeds, latencies = defaultdict(list), defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        processes = {name: stack.enter_context(_process(engine, file)) for name, engine in ENGINES.items()}
        for start in range(1, count, arguments.reviews):
            for name, process in processes.items():
                speeds[name].append(arguments.reviews / _seconds(process, start, start + arguments.reviews))
        for name, process in processes.items():
            latencies[name] = [_seconds(process, 0, 1) for _ in range(_SHORT_CALLS)]
    for name in ENGINES:
        report("embedding_speed", engine=name, **_figures(speeds[name], speeds[_PEER], latencies[name]))


def _figures(
    speeds: Sequence[float], peer_speeds: Sequence[float], latencies: Sequence[float]
) -> Mapping[str, float | list[float]]:
    return {
        "reviews_per_second": [round(speed, 1) for speed in speeds],
        "ratio_to_sentence_transformers": round(statistics.median(speeds) / statistics.median(peer_speeds), 2),
        "short_text_median_ms": round(1000 * statistics.median(latencies), 1),
    }


@contextmanager
def _process(engine: Engine, texts: Path) -> Iterator[subprocess.Popen[str]]:
    """A process after its warm-up."""
    python, target = ENVIRONMENTS[engine.environment]
    if not python.exists():
        raise SystemExit(f"{engine.module}: its environment is missing; run: make {target}")
    command = [str(python), "-m", f"benchmarks.engines.{engine.module}", minilm_folder(), str(texts), engine.form]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        for line in process.stdout or ():
            if line.strip() == embedder.READY:
                break
        else:
            raise SystemExit(f"{engine.module} failed")
        try:
            yield process
        finally:
            process.stdin.close()  # type: ignore[union-attr]


def _seconds(process: subprocess.Popen[str], start: int, stop: int) -> float:
    """The time that a process takes for a range of the texts."""
    print(json.dumps([start, stop]), file=process.stdin, flush=True)
    return float(process.stdout.readline())  # type: ignore[union-attr]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure embeddings of reviews by several engines in turns.")
    parser.add_argument("--rounds", type=int, default=4, help="turns of all engines (default: %(default)s)")
    parser.add_argument("--reviews", type=int, default=150, help="reviews in a turn (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
