"""fastText's supervised classifier with word pairs, otherwise defaults, without transfer."""

import os
import re
import tempfile
from pathlib import Path

import fasttext
import numpy as np

from benchmarks.peers.contract import Predict, Task, run

_PREFIX = "__label__"
_LINE_ENDS = re.compile(r"\s+")  # fastText reads one text per line


def fit(task: Task) -> Predict:
    """Train with one thread per core (the default is 12)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        lines = zip(task.train.targets, task.train.texts, strict=True)
        path.write_text("".join(f"{_PREFIX}{target} {_one_line(text)}\n" for target, text in lines), encoding="utf-8")
        model = fasttext.train_supervised(str(path), wordNgrams=2, thread=os.cpu_count(), seed=task.seed, verbose=0)

    def predict(texts: list[str]) -> np.ndarray:
        labels, _ = model.predict([_one_line(text) for text in texts])
        return np.array([int(label.removeprefix(_PREFIX)) for (label,) in labels])

    return predict


def _one_line(text: str) -> str:
    return _LINE_ENDS.sub(" ", text)


if __name__ == "__main__":
    run(fit)
