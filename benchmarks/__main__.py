"""Run every benchmark whose data is there, or those named: `python -m benchmarks [NAME ...]`."""

import subprocess
import sys

from benchmarks.report import data_folder

NAMES = ("throughput", "imdb", "trec", "agnews", "predict_memory", "training_memory", "tutorial", "kept_epoch",
    "token_table", "frozen_twice", "run_costs", "first_answer", "estimates", "scaling", "precision",
    "last_blocks", "wnut17", "entities_epoch", "pretrain_gutenberg", "rare_labels", "ratings", "adapted", "few_texts",
    "frozen_heads", "calibration",
)  # fmt: skip


def main() -> None:
    """Run each in a process of its own, one at a time."""
    chosen = sys.argv[1:] or NAMES
    for name in chosen:
        if name not in NAMES:
            sys.exit(f"no benchmark {name!r}; there are {', '.join(NAMES)}")
    if not data_folder().is_dir():
        sys.exit(
            f"the data sets are not at {data_folder()}; set TEXTGRAFT_DATA to the folder that holds imdb/, trec/ ..."
        )
    for name in chosen:
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main()
