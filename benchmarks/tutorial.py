"""The TF-Hub tutorial on IMDb, with 963,812 x 50 random vectors, the size of nnlm-en-dim50.

Random vectors carry no knowledge, so the accuracy shows what the program learns from IMDb alone, not transfer. It is
reported together with the TF-IDF baseline on the same training texts.
"""

import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.tuning.baselines import tfidf_accuracy

ROOT = Path(__file__).parents[1]
IMDB = data_folder() / "imdb"


def main() -> None:
    """Build the module, run the example in its own process, then the baseline."""
    with tempfile.TemporaryDirectory() as folder:
        module = f"{folder}/module"
        tool = [sys.executable, str(ROOT / "tools" / "make_hub_module.py"), module]
        subprocess.run([*tool, "--words", str(IMDB / "train.parquet"), "--normalize"], check=True)
        start = time.monotonic()
        example = [sys.executable, str(ROOT / "examples" / "imdb_word_embedding.py"), str(IMDB), module]
        output = subprocess.run(example, check=True, capture_output=True, text=True).stdout
        seconds = time.monotonic() - start
    loss, accuracy = map(float, re.findall(r"(?:loss|accuracy) ([\d.]+)", output.splitlines()[-1]))
    report(
        "tutorial",
        test_loss=loss,
        test_accuracy=accuracy,
        seconds=round(seconds, 1),
        peak_mib=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        tfidf_accuracy=round(tfidf_accuracy(*tg.load_dataset(IMDB, split="train[:60%],test")), 4),
    )


if __name__ == "__main__":
    main()
