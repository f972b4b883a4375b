"""An exported sentiment model beside its model: equal answers to reviews, texts per second, and the time of the export.

Both classify the same batches of 16 reviews of similar length in float32: the model from strings by `predict_proba`,
the SavedModel by its signature.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

import textgraft as tg
from benchmarks.report import data_folder, report, sample

_TRAINING_TEXTS, _TEXTS, _BATCH = 300, 2000, 16
_SPEED_BATCHES, _ROUNDS = 16, 3


def main() -> None:
    """Train on frozen embeddings with n-grams, export, compare."""
    train = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), _TRAINING_TEXTS)
    test = sample(tg.load_dataset(data_folder() / "imdb", split="test", label="label"), _TEXTS)
    model = tg.TextClassifier("minilm", train.label_names, precision="float32")
    model.fit(train, fine_tune="none", ngrams=True, progress=False)
    with tempfile.TemporaryDirectory() as name:
        start = time.monotonic()
        verification = tg.export_model(model, Path(name) / "model")
        seconds = time.monotonic() - start
        loaded = tf.saved_model.load(str(Path(name) / "model"))
    serve = loaded.signatures["serving_default"]
    texts = sorted((row.text for row in test), key=len)
    batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    answers = [serve(text=tf.constant(batch)) for batch in batches]
    expected = model.predict_proba(texts)
    scores = np.concatenate([answer["scores"] for answer in answers])
    labels = [label.decode() for answer in answers for label in answer["label"].numpy()]
    timed = batches[:: max(1, len(batches) // _SPEED_BATCHES)]
    speeds = _alternate(timed, (model.predict_proba, lambda batch: serve(text=tf.constant(batch))["scores"].numpy()))
    report(
        "exported",
        texts=len(texts),
        equal_labels=sum(a == b for a, b in zip(labels, model.predict(texts), strict=True)),
        largest_difference=float(np.abs(scores - expected).max()),
        needs=list(verification.needs),
        megabytes=round(verification.bytes / 1e6),
        export_seconds=round(seconds, 1),
        model_texts_per_second=round(speeds[0], 1),
        exported_texts_per_second=round(speeds[1], 1),
        ratio=round(speeds[1] / speeds[0], 2),
    )


def _alternate(batches: Sequence[list[str]], functions: Sequence[Callable[[list[str]], object]]) -> list[float]:
    """Texts per second of each function in its best round, one function after the other in each round."""
    best = [float("inf")] * len(functions)
    for _ in range(_ROUNDS):
        for index, function in enumerate(functions):
            start = time.monotonic()
            for batch in batches:
                function(batch)
            best[index] = min(best[index], time.monotonic() - start)
    return [sum(map(len, batches)) / seconds for seconds in best]


if __name__ == "__main__":
    main()
