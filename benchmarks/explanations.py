"""Explanations of minilm fine-tuned on TREC and IMDb: comprehensiveness and sufficiency against random words.

    python -m benchmarks.explanations [DATA ...] [--method METHOD] [--models FOLDER]

Models train on training rows, and other training rows are explained, so test sets are not used. Both methods must beat
random orders of the words by `MARGIN` in both measures, with intervals beyond `LOW`, and the completeness error of each
explanation by integrated gradients must be at most `MAX_ERROR`. Data sets are trec and imdb, by default both. FOLDER
keeps the models, and the checkpoints of a training that was interrupted.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.runtime import start_tensorflow

start_tensorflow()  # before modules that import TensorFlow, which would compute without oneDNN

from textgraft.explanation.explaining import explanations, make_explainer  # noqa: E402
from textgraft.explanation.explanation import METHODS  # noqa: E402
from textgraft.explanation.faithfulness import FaithfulnessCheck  # noqa: E402
from textgraft.training.checkpoints import Checkpoints  # noqa: E402


class Job(NamedTuple):
    """A model, and the rows that are explained.

    Attributes:
        rows: number of training rows.
        explained: number of explained ones.
        max_words: of an explained row; the first ones that are no longer are taken.
        options: of the model.
    """

    rows: int
    explained: int
    max_words: int
    options: dict[str, Any]


# Occlusion of a review takes a prediction for each word: one of 256 tokens takes as long as six of 120 words.
JOBS = {
    "trec": Job(4000, 200, 1000, {}),
    "imdb": Job(1000, 60, 120, {"sequence_length": 256, "truncation": "head+tail"}),
}
MARGIN, LOW, MAX_ERROR = 0.10, 0.05, 0.05  # set before the first measurement


def main() -> None:
    """Train each model, and check each method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", nargs="*", default=list(JOBS), metavar="DATA", help="data sets: trec, imdb")
    parser.add_argument("--method", choices=METHODS, action="append", help="both by default")
    parser.add_argument("--models", type=Path, help="folder that keeps the models")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        for name in arguments.data:
            job, data = JOBS[name], tg.load_dataset(data_folder() / name, split="train", label="label")
            order = np.random.default_rng(0).permutation(len(data))
            folder = trained(arguments.models or Path(temporary), name, job, data.take(order[: job.rows]))
            others = data.take(order[job.rows :])
            short = [row for row, text in enumerate(others) if len(text.text.split()) <= job.max_words]
            measure(name, folder, others.take(short[: job.explained]), arguments.method or METHODS)


def trained(models: Path, name: str, job: Job, data: tg.Dataset) -> Path:
    """The folder of a model, which is trained unless it exists."""
    folder = models / name
    if not folder.exists():
        model = tg.TextClassifier("minilm", data.label_names, "float32", **job.options)
        with Checkpoints(models / f"{name}.run", save_minutes=1) as checkpoints:
            model.fit(data, epochs=2, refit=False, checkpoints=checkpoints, progress=False)
            model.save(folder)
            checkpoints.clear()
    return folder


def measure(name: str, folder: Path, data: tg.Dataset, methods: Sequence[str]) -> None:
    """Check explanations of texts by a model, by each method."""
    model = tg.load(folder, "float32")
    for method in methods:
        explainer = make_explainer(model, method)
        check, start = FaithfulnessCheck(explainer), time.monotonic()
        seconds = 0.0
        items = (item for batch in data.batches() for item in explainer.items(batch.inputs))
        for explanation in explanations(explainer, items, None, lambda item: ()):
            seconds += time.monotonic() - start
            check.add(explanation)
            start = time.monotonic()
        result = check.result()
        if result is None:
            raise ValueError("no text has two words")
        gains = {
            "comprehensiveness": (result.comprehensiveness.difference, result.comprehensiveness.interval[0]),
            "sufficiency": (-result.sufficiency.difference, -result.sufficiency.interval[1]),
        }
        errors = result.completeness_errors or (0.0, 0.0)
        holds = all(gain >= MARGIN and low >= LOW for gain, low in gains.values()) and errors[1] <= MAX_ERROR
        report(
            "explanations", data=name, method=method, texts=result.texts,
            comprehensiveness=_figures(result.comprehensiveness), sufficiency=_figures(result.sufficiency),
            completeness_errors=[round(error, 4) for error in errors], holds=holds,
            seconds_per_text=round(seconds / result.texts, 2),
        )  # fmt: skip


def _figures(contrast: Any) -> list[float]:
    """Mean of explanations, of random words, and the interval of the difference."""
    return [round(value, 3) for value in (contrast.explanations, contrast.random, *contrast.interval)]


if __name__ == "__main__":
    main()
