"""Few short texts by a model with and without fixed weights: time of the processor and by the clock, in turns."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from benchmarks.serving import train_model

SIZES = (1, 8, 32)
CALLS = 40
ROUNDS = 3


def main() -> None:
    """Questions of TREC, by a head on frozen minilm and n-grams, in the usual precision."""
    data = tg.load_dataset(data_folder() / "trec", split="test", label="label")
    texts = [row.text for row in sample(data, 400)]
    with tempfile.TemporaryDirectory() as name:
        folder = train_model(Path(name) / "model")
        models = {trainable: tg.load(folder, trainable=trainable) for trainable in (True, False)}
        for size in SIZES:
            seconds: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
            for _ in range(ROUNDS):
                for trainable, model in models.items():
                    seconds[trainable].append(_measure(model.predict, texts, size))  # type: ignore[attr-defined]
            best = {trainable: 1000 * np.min(values, axis=0) for trainable, values in seconds.items()}
            report(
                "fixed_weights",
                precision=models[False].precision,
                texts=size,
                processor_ms=round(best[False][0], 1),
                processor_ms_by_default=round(best[True][0], 1),
                p50_ms=round(best[False][1], 1),
                p50_ms_by_default=round(best[True][1], 1),
            )


def _measure(predict: Callable[[list[str]], object], texts: list[str], size: int) -> tuple[float, float]:
    """Mean seconds of the processor of a call with a number of texts, and the median ones by the clock."""
    calls = [texts[(size * call) % (len(texts) - size + 1) :][:size] for call in range(CALLS)]
    predict(calls[0])
    processor, seconds = time.process_time(), []
    for call in calls:
        started = time.perf_counter()
        predict(call)
        seconds.append(time.perf_counter() - started)
    return (time.process_time() - processor) / CALLS, float(np.median(seconds))


if __name__ == "__main__":
    main()
