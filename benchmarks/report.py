"""Data sets and output of the benchmarks: one line of JSON each, with the machine and its kind of processor."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks import machine


def data_folder() -> Path:
    """The folder of the data sets (imdb/, trec/, agnews/ ...), from TEXTGRAFT_DATA."""
    return Path(os.environ.get("TEXTGRAFT_DATA") or Path(__file__).parents[2] / "shared" / "data")


def require_data() -> None:
    """Exit with a message unless the data sets are present."""
    if not data_folder().is_dir():
        sys.exit(f"no data sets in {data_folder()}; set TEXTGRAFT_DATA to the folder that contains imdb/, trec/ ...")


def report(name: str, **figures: Any) -> None:
    """Print the results of a benchmark."""
    line = {"benchmark": name, **figures, "processor": machine.kind(), "machine": machine.name()}
    print(json.dumps(line), flush=True)


def sample(data: Any, rows: int, seed: int = 0) -> Any:
    """A stratified, seeded sample of a dataset."""
    return data.split(rows / len(data), seed=seed)[0]
