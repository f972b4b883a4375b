"""Explanations of minilm fine-tuned on TREC and IMDb: comprehensiveness and sufficiency against random words.

Models train on training rows, and other training rows are explained, so test sets are not used. Both methods must beat
random orders of the words by `MARGIN` in both measures, with intervals beyond `LOW`, and the completeness error of each
explanation by integrated gradients must be at most `MAX_ERROR`. Arguments name the data sets, by default both.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.explanation.explaining import explanations, make_check, make_explainer
from textgraft.explanation.explanation import METHODS

# Training rows, explained rows, and options of the model.
DATA: dict[str, tuple[int, int, dict[str, Any]]] = {
    "trec": (4000, 200, {}),
    "imdb": (1000, 60, {"sequence_length": 256, "truncation": "head+tail"}),
}
MARGIN, LOW, MAX_ERROR = 0.10, 0.05, 0.05  # set before the first measurement


def main() -> None:
    """Train each model, and check each method."""
    for name in sys.argv[1:] or DATA:
        rows, explained, options = DATA[name]
        data = tg.load_dataset(data_folder() / name, split="train", label="label")
        order = np.random.default_rng(0).permutation(len(data))
        model = tg.TextClassifier("minilm", data.label_names, "float32", **options)
        model.fit(data.take(order[:rows]), epochs=2, progress=False)
        measure(name, model, data.take(order[rows : rows + explained]))


def measure(name: str, model: tg.TextClassifier | Path, data: tg.Dataset) -> None:
    """Check explanations of texts by each method; a model is one in float32, or its folder."""
    model = tg.load(model, "float32") if isinstance(model, Path) else model  # type: ignore[assignment]
    for method in METHODS:
        explainer = make_explainer(model, method)  # type: ignore[arg-type]
        check, start = make_check(explainer), time.monotonic()
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
