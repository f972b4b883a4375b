"""`textgraft train`: peak memory on 1,000,000 rows compared with that on 250,000.

The data are a CSV file of IMDb sentences, each with a unique number, and word vectors of width 32. Only the token ids
(4 bytes each) and the label, length, order and digest of each row may grow; the texts stay on disk.
"""

import csv
import itertools
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.report import data_folder, report

ROWS = (250_000, 1_000_000)  # TensorFlow's allocator stops growing at about 200,000
_WIDTH = 32


def main() -> None:
    """Train on both files in child processes, or measure the file given as argument."""
    if len(sys.argv) > 1:
        _measure(*sys.argv[1:])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_vectors(folder / "vectors.txt")
        peaks, seconds, sizes = {}, {}, {}
        for rows in ROWS:
            sizes[rows] = _write_texts(folder / f"{rows}.csv", rows)
            start = time.monotonic()
            command = [sys.executable, "-m", "benchmarks.training_memory", str(folder), str(rows)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            peaks[rows] = int(output.splitlines()[-1])
            seconds[rows] = round(time.monotonic() - start, 1)
    report(
        "training_memory",
        file_mib={rows: size >> 20 for rows, size in sizes.items()},
        peak_mib={rows: peak >> 10 for rows, peak in peaks.items()},
        seconds=seconds,
        grown_bytes_a_row=round((peaks[ROWS[1]] - peaks[ROWS[0]]) * 1024 / (ROWS[1] - ROWS[0])),
    )


def _measure(folder: str, rows: str) -> None:
    command = [
        str(Path(sys.executable).parent / "textgraft"), "train", f"{folder}/{rows}.csv",
        "--preset", f"{folder}/vectors.txt", "--epochs", "1", "--batch-size", "512", "--out", f"{folder}/model-{rows}",
    ]  # fmt: skip
    subprocess.run(command, check=True)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _sentences() -> Iterator[tuple[str, str]]:
    for batch in pq.ParquetFile(data_folder() / "imdb" / "train.parquet").iter_batches(columns=["text", "label"]):
        for row in batch.to_pylist():
            for sentence in re.split(r"(?<=[.!?]) ", row["text"]):
                yield sentence, row["label"]


def _write_texts(path: Path, rows: int) -> int:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        endless = itertools.chain.from_iterable(_sentences() for _ in itertools.count())
        for index, (sentence, label) in enumerate(itertools.islice(endless, rows)):
            writer.writerow((f"{index} {sentence}", label))
    return path.stat().st_size


def _write_vectors(path: Path) -> None:
    words = {word for sentence, _ in itertools.islice(_sentences(), 20_000) for word in sentence.split()}
    random = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as file:
        for word in sorted(words):
            values = " ".join(f"{value:.4f}" for value in random.normal(scale=0.1, size=_WIDTH))
            file.write(f"{word} {values}\n")


if __name__ == "__main__":
    main()
