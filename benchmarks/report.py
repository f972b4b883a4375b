"""How benchmarks print: one line of JSON each, with what it ran on."""

import json
import os
import platform
from pathlib import Path
from typing import Any


def data_folder() -> Path:
    """Where imdb/, trec/ and agnews/ are."""
    return Path(os.environ.get("TEXTGRAFT_DATA") or Path(__file__).parents[2] / "shared" / "data")


def report(name: str, **figures: Any) -> None:
    """Print the figures of a benchmark."""
    print(
        json.dumps({"benchmark": name, **figures, "cores": os.cpu_count(), "machine": platform.machine()}), flush=True
    )


def sample(data: Any, rows: int, seed: int = 0) -> Any:
    """A stratified, seeded sample of a dataset."""
    return data.split(rows / len(data), seed=seed)[0]
