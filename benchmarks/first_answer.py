"""`textgraft predict`: seconds from TensorFlow's import to the first prediction, on a file of 25,000 reviews."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import textgraft as tg
from benchmarks.report import data_folder, report, sample

_IMPORT = "from textgraft.runtime import start_tensorflow; start_tensorflow()"


def main() -> None:
    """Train a small model, then time the import and the first prediction."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), 100)
        model = tg.TextClassifier("minilm", train.label_names)
        model.fit(train, fine_tune="none", head="logistic")
        model.save(folder / "model")
        importing = min(_seconds([sys.executable, "-c", _IMPORT]) for _ in range(3))
        textgraft = str(Path(sys.executable).parent / "textgraft")
        reviews = str(data_folder() / "imdb" / "test.parquet")
        first = min(_first_line([textgraft, "predict", str(folder / "model"), reviews]) for _ in range(3))
    report("first_answer", import_seconds=round(importing, 2), seconds_after_import=round(first - importing, 2))


def _seconds(command: list[str]) -> float:
    start = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - start


def _first_line(command: list[str]) -> float:
    """Seconds until the line after the header."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.readline()
        process.stdout.readline()
        seconds = time.monotonic() - start
        process.kill()
    return seconds


if __name__ == "__main__":
    main()
