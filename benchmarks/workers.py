"""Fine-tuning on IMDb reviews by one process and by two workers on the same cores: texts per second of an epoch."""

import csv
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import textgraft as tg
from benchmarks.report import data_folder, report, sample

ROWS, EPOCHS = 128, 2
PROCESS, WORKERS, THREAD = "1 worker, 2 threads", "2 workers, 1 thread each", "1 worker, 1 thread"
OPTIONS = {
    PROCESS: ["--threads", "2"],
    WORKERS: ["--threads", "1", "--workers", "2"],
    THREAD: ["--threads", "1"],
}


def main() -> None:
    """The sides in turns: the faster epoch of each run, and the ratios of the fastest runs."""
    reviews = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), ROWS)
    speeds: dict[str, list[float]] = {side: [] for side in OPTIONS}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "reviews.csv"
        _write(data, reviews)
        for index, side in enumerate((PROCESS, WORKERS, THREAD, WORKERS, PROCESS)):
            speeds[side].append(_speed(data, Path(folder) / f"model-{index}", OPTIONS[side]))
    fastest = {side: max(runs) for side, runs in speeds.items()}
    report(
        "workers",
        texts_per_second={side: [round(speed, 2) for speed in runs] for side, runs in speeds.items()},
        ratio_to_one_process=round(fastest[WORKERS] / fastest[PROCESS], 2),
        ratio_to_one_thread=round(fastest[WORKERS] / fastest[THREAD], 2),
    )


def _write(path: Path, reviews: tg.Dataset) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for batch in reviews.batches(ROWS):
            writer.writerows(zip((text.decode() for text in batch.texts), batch.labels, strict=True))


def _speed(data: Path, model: Path, options: list[str]) -> float:
    """Texts per second of the faster epoch, without validation."""
    command = ["train", data, "--out", model, "--epochs", EPOCHS, "--head", "gradient", "--no-ngrams", *options]
    environment = {**os.environ, "TEXTGRAFT_OFFLINE": "1"}
    subprocess.run(
        [sys.executable, "-m", "textgraft", *map(str, command)], check=True, stdout=-3, stderr=-3, env=environment
    )
    with (model / "history.csv").open() as file:
        return max(float(record["texts_per_second"]) for record in csv.DictReader(file))


if __name__ == "__main__":
    main()
