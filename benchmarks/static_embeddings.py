"""Test accuracy and speed of static embeddings of minilm: those of `textgraft distil`, and a folder of model2vec.

    python -m benchmarks.static_embeddings [MODEL2VEC_FOLDER]

`benchmarks.engines.model2vec_folder` makes the folder from the same weights.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft.tasks.distillation import distil_preset

JOBS = (("agnews", 2000), ("imdb", 1000))
SEEDS, TEST_TEXTS, WARM_UP_TEXTS = (0, 1, 2), 2000, 500


def main() -> None:
    """A seed draws the training texts; the same heads are trained on each table."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        distil_preset("minilm").save(Path(folder) / "static")
        report("static_embeddings", distilled_in_seconds=round(time.monotonic() - start, 1))
        presets = {"textgraft": str(Path(folder) / "static")}
        if sys.argv[1:]:
            presets["model2vec"] = sys.argv[1]
        for data, rows in JOBS:
            train, test = tg.load_dataset(data_folder() / data, split="train,test", label="label")
            _report_speed(presets["textgraft"], data, [row.text for row in train])
            test = sample(test, TEST_TEXTS)
            for name, preset in presets.items():
                for ngrams in (False, True):
                    accuracy = [_accuracy(preset, sample(train, rows, seed), test, seed, ngrams) for seed in SEEDS]
                    report("static_embeddings", table=name, data=data, labels=rows, ngrams=ngrams, accuracy=accuracy)


def _accuracy(preset: str, train: tg.Dataset, test: tg.Dataset, seed: int, ngrams: bool) -> float:
    model = tg.TextClassifier(preset, train.label_names, seed=seed)
    model.fit(train, fine_tune="none", ngrams=ngrams, seed=seed, progress=False)
    return round(float(model.evaluate(test)["accuracy"]), 4)


def _report_speed(preset: str, data: str, texts: Sequence[str]) -> None:
    embedder = tg.TextEmbedder(preset)
    embedder.predict(texts[:WARM_UP_TEXTS])
    start = time.monotonic()
    embedder.predict(texts)
    report("static_embeddings", data=data, texts_per_second=round(len(texts) / (time.monotonic() - start)))


if __name__ == "__main__":
    main()
