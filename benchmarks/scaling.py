"""`textgraft train` with word vectors on 1,000 to 1,000,000 reviews: seconds and peak memory, and a figure of both.

The reviews are IMDb's, repeated with a random tenth of their words removed (seeded), so that no two are equal. The
word vectors are random, with the size of nnlm-en-dim50.
"""

import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.report import data_folder, report

ROWS = (1000, 10_000, 100_000, 1_000_000)
ROOT = Path(__file__).parents[1]
FIGURE = ROOT / "docs" / "scaling.svg"
_DROPPED_WORDS = 0.1
_GROUP = 10_000
_SCHEMA = pa.schema([("text", pa.string()), ("label", pa.string())])


def main() -> None:
    """Train on each file in a child process, or measure the file given as argument."""
    if len(sys.argv) > 1:
        _measure(*sys.argv[1:])
        return
    results = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tool = [sys.executable, str(ROOT / "tools" / "make_hub_module.py"), f"{folder}/module"]
        subprocess.run([*tool, "--words", str(data_folder() / "imdb" / "train.parquet"), "--normalize"], check=True)
        for rows in ROWS:
            _write_texts(folder / f"{rows}.parquet", rows)
            command = [sys.executable, "-m", "benchmarks.scaling", str(folder), str(rows)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            results[rows] = json.loads(output.splitlines()[-1])
            (folder / f"{rows}.parquet").unlink()
            report("scaling", rows=rows, **results[rows])
    _draw(results)


def _measure(folder: str, rows: str) -> None:
    start = time.monotonic()
    command = [
        str(Path(sys.executable).parent / "textgraft"), "train", f"{folder}/{rows}.parquet",
        "--preset", f"{folder}/module", "--trust-savedmodel", "--epochs", "1", "--batch-size", "512",
        "--out", f"{folder}/model-{rows}",
    ]  # fmt: skip
    subprocess.run(command, check=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps({"seconds": round(time.monotonic() - start, 1), "peak_mib": peak >> 10}))


def _reviews(rows: int) -> Iterator[tuple[str, str]]:
    rng = np.random.default_rng(0)
    reviews = pq.read_table(data_folder() / "imdb" / "train.parquet", columns=["text", "label"]).to_pylist()
    for review in itertools.islice(itertools.cycle(reviews), rows):
        words = review["text"].split()
        yield " ".join(itertools.compress(words, rng.random(len(words)) > _DROPPED_WORDS)), str(review["label"])


def _write_texts(path: Path, rows: int) -> None:
    reviews = _reviews(rows)
    with pq.ParquetWriter(path, _SCHEMA) as writer:
        while group := list(itertools.islice(reviews, _GROUP)):
            texts, labels = zip(*group, strict=True)
            writer.write_table(pa.table({"text": texts, "label": labels}, schema=_SCHEMA))


def _draw(results: dict[int, dict[str, float]]) -> None:
    """Seconds (logarithmic axes) and memory (from zero) against the number of reviews."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "textgraft"
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    rows = list(results)
    for panel, name, title in zip(panels, ("seconds", "peak_mib"), ("seconds in all", "peak memory, MiB"), strict=True):
        values = [results[count][name] for count in rows]
        panel.plot(rows, values, "o-", color="#1f5f8b")
        panel.set_xscale("log")
        panel.set_title(title, loc="left")
        panel.set_xlabel("reviews")
        panel.margins(x=0.1, y=0.2)
        panel.spines[["top", "right"]].set_visible(False)
        for count, value in zip(rows, values, strict=True):
            panel.annotate(f"{value:,.0f}", (count, value), (0, 7), textcoords="offset points", ha="center")
    panels[0].set_yscale("log")
    panels[1].set_ylim(0)
    figure.savefig(FIGURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
