"""`textgraft predict`: ratio of the peak memory on 25,000 reviews to that on 1,000."""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

import textgraft as tg
from benchmarks.report import data_folder, report, sample


def main() -> None:
    """Train a small model, then predict both files in child processes."""
    if len(sys.argv) > 1:
        _measure(sys.argv[1:])
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), 100)
        model = tg.TextClassifier("minilm", train.label_names, sequence_length=128)
        model.fit(train, fine_tune="none")
        model.save(folder / "model")
        reviews = pq.read_table(data_folder() / "imdb" / "test.parquet", columns=["text"])
        peaks, seconds = {}, {}
        for rows in (1000, 25_000):
            pq.write_table(reviews.slice(0, rows), folder / f"{rows}.parquet")
            start = time.monotonic()
            command = [
                sys.executable,
                "-m",
                "benchmarks.predict_memory",
                str(folder / "model"),
                f"{folder / str(rows)}",
            ]
            peaks[rows] = int(
                subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
            )
            seconds[rows] = round(time.monotonic() - start, 1)
    report(
        "predict_memory",
        peak_mib={rows: round(peak / 1024) for rows, peak in peaks.items()},
        seconds=seconds,
        ratio=round(peaks[25_000] / peaks[1000], 3),
    )


def _measure(arguments: list[str]) -> None:
    model, data = arguments
    command = [
        str(Path(sys.executable).parent / "textgraft"),
        "predict",
        model,
        f"{data}.parquet",
        "--out",
        f"{data}.csv",
    ]
    subprocess.run(command, check=True)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


if __name__ == "__main__":
    main()
