"""Texts per second of `textgraft predict` into a folder, in one process and with a Ray worker per core, in turns.

    python -m benchmarks.ray_speed [--rows 400000] [--rounds 2]

The throughput is that from the first file to the last, by their times; "seconds" are those of the whole command.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import report
from benchmarks.short_texts import save_static_model, write_texts

_SHARD_ROWS = 8192


def main() -> None:
    """Predict the same texts in turns."""
    options = _arguments()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, texts = save_static_model(folder / "model"), write_texts(folder / "texts.csv", options.rows)
        command = [sys.executable, "-m", "textgraft", "predict", str(model), str(texts)]
        throughputs: dict[str, list[float]] = {"local": [], "ray": []}
        for run in range(options.rounds):
            for name, engine in (("local", ()), ("ray", ("--engine", "ray"))):
                figures = _measure([*command, *engine], folder / f"{name}-{run}")
                throughputs[name].append(figures["texts_per_second"])
                report("ray_speed", engine=name, rows=options.rows, **figures)
        ratios = [ray / local for local, ray in zip(throughputs["local"], throughputs["ray"], strict=True)]
        report("ray_speed", rows=options.rows, ratios=[round(ratio, 2) for ratio in ratios])


def _measure(command: Sequence[str], out: Path) -> dict[str, Any]:
    start = time.monotonic()
    options = ("--out", str(out), "--shard-format", "jsonl", "--shard-rows", str(_SHARD_ROWS))
    subprocess.run([*command, *options], check=True, capture_output=True)
    seconds = time.monotonic() - start
    parts = json.loads((out / "shards.json").read_text())["shards"]
    ends = sorted(((out / part["file"]).stat().st_mtime, part["rows"]) for part in parts)
    rows = sum(rows for _, rows in ends[1:])
    return {"texts_per_second": round(rows / (ends[-1][0] - ends[0][0])), "seconds": round(seconds, 1)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
