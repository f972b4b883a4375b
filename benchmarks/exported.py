"""Exported sentiment models beside their model: equal answers to reviews, texts per second, and the time of the export.

    python -m benchmarks.exported [--texts 400] [--formats savedmodel onnx int8]

All classify the same batches of 16 reviews of similar length, in turns: the model from strings by `predict_proba` in
float32, the SavedModel by its signature, the network in ONNX, in float32 or int8, by the runtime of exported packages.
Where the model is refused in int8, its line says why.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, sample
from textgraft import registry
from textgraft.errors import ConfigError
from textgraft.export.format import FORMATS, ExportFormat
from textgraft.export.formats.onnx import QUANTIZED

_TRAINING_TEXTS, _PROOF_TEXTS, _BATCH = 300, 200, 16
_SPEED_BATCHES, _ROUNDS = 8, 3

# The names of formats to the arguments of `export_model`.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {"savedmodel": {}, "onnx": {}, "int8": {"to": "onnx", "int8": True}}

Scores = Callable[[Sequence[str]], np.ndarray]


def main() -> None:
    """Train on frozen embeddings, export, compare."""
    options = _arguments()
    data = {split: tg.load_dataset(data_folder() / "imdb", split=split, label="label") for split in ("train", "test")}
    train, test = sample(data["train"], _TRAINING_TEXTS + _PROOF_TEXTS), sample(data["test"], options.texts)
    texts = sorted((row.text for row in test), key=len)
    batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = _train(train, "int8" in options.formats)
        functions: dict[str, Scores] = {"textgraft": model.predict_proba}
        exports = {}
        for format_name in options.formats:
            try:
                functions[format_name], exports[format_name] = _export(model, format_name, folder / f"as-{format_name}")
            except ConfigError as error:
                report("exported", format=format_name, refused=str(error))
        expected = model.predict_proba(texts)
        speeds = _alternate(batches[:: max(1, len(batches) // _SPEED_BATCHES)], functions)
        for format_name in exports:
            scores = np.concatenate([functions[format_name](batch) for batch in batches])
            report(
                "exported",
                format=format_name,
                texts=len(texts),
                equal_labels=int((scores.argmax(axis=1) == expected.argmax(axis=1)).sum()),
                largest_difference=float(np.abs(scores - expected).max()),
                **exports[format_name],
                model_texts_per_second=round(speeds["textgraft"], 1),
                exported_texts_per_second=round(speeds[format_name], 1),
                ratio=round(speeds[format_name] / speeds["textgraft"], 2),
            )


def _train(data: Any, in_int8: bool) -> Any:
    """A model in float32 on TensorFlow; for int8, with its proof if it succeeds."""
    train, proof = data.split(_TRAINING_TEXTS / len(data), seed=0)
    model = tg.TextClassifier("minilm", train.label_names, precision="float32")
    model.fit(train, fine_tune="none", ngrams=False, progress=False)
    if in_int8:
        try:
            model.quantize(proof)
        except ConfigError as error:
            print(error, file=sys.stderr)
        model.use_engine("tensorflow")
    return model


def _export(model: Any, name: str, folder: Path) -> tuple[Scores, Mapping[str, Any]]:
    """The probabilities by an exported model, and the figures of its export."""
    options = {"to": name, **_OPTIONS[name]}
    start = time.monotonic()
    verification = tg.export_model(model, folder, **options)
    figures = {
        "needs": list(verification.needs),
        "megabytes": round(verification.bytes / 1e6),
        "export_seconds": round(time.monotonic() - start, 1),
    }
    if name == "int8":
        from textgraft.export.wheel_runtime.model import Model

        return Model(folder, QUANTIZED).predict_proba, figures
    answer = registry.implementation(FORMATS, options["to"], ExportFormat)().open(folder)
    return lambda texts: np.asarray(answer(texts)["scores"]), figures


def _alternate(batches: Sequence[list[str]], functions: Mapping[str, Scores]) -> dict[str, float]:
    """Texts per second of each function in its best round, one function after the other in each round."""
    best = dict.fromkeys(functions, float("inf"))
    for _ in range(_ROUNDS):
        for name, function in functions.items():
            start = time.monotonic()
            for batch in batches:
                function(batch)
            best[name] = min(best[name], time.monotonic() - start)
    return {name: sum(map(len, batches)) / seconds for name, seconds in best.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare exported models with their model.")
    parser.add_argument("--texts", type=int, default=400, help="test reviews (default: %(default)s)")
    parser.add_argument("--formats", nargs="+", choices=[*_OPTIONS], default=[*_OPTIONS])
    return parser.parse_args()


if __name__ == "__main__":
    main()
