"""Exported sentiment models beside their model: equal answers to reviews, texts per second, and the time of the export.

    python -m benchmarks.exported [--texts 400] [--formats savedmodel onnx int8 litert litert-int8]
        [--fine-tune all] [--training-texts 1000] [--model FOLDER]

All classify the same batches of 16 reviews of similar length, in turns: the model from strings by `predict_proba` in
float32 and in the precision that is the default on the processor, the SavedModel by its signature, the network in ONNX,
in float32 or int8, by the runtime of exported packages, LiteRT text by text. int8 is proved on training reviews that
the model was not trained on; where it is refused, its line says why. `--model` keeps the trained model and its proof in
a folder, or takes them from there, so that it is trained once.
"""

import argparse
import json
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

_PROOF_TEXTS, _BATCH = 1000, 16
_SPEED_BATCHES, _ROUNDS = 8, 3

# The names of formats to the arguments of `export_model`.
_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "savedmodel": {},
    "onnx": {},
    "int8": {"to": "onnx", "int8": True},
    "litert": {},
    "litert-int8": {"to": "litert", "int8": True},
}

Scores = Callable[[Sequence[str]], np.ndarray]


def main() -> None:
    """Train, export, compare."""
    options = _arguments()
    data = {split: tg.load_dataset(data_folder() / "imdb", split=split, label="label") for split in ("train", "test")}
    rows = sample(data["train"], options.training_texts + _PROOF_TEXTS)
    training, proof = rows.split(options.training_texts / len(rows), seed=0)
    texts = sorted((row.text for row in sample(data["test"], options.texts)), key=len)
    batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    with tempfile.TemporaryDirectory() as name:
        folder = options.model or Path(name) / "model"
        if not folder.exists():
            _train(folder, options.fine_tune, training, proof)
        model = tg.load(folder, "float32")
        models = {model.precision: model.predict_proba}
        default = tg.load(folder)
        models.setdefault(default.precision, default.predict_proba)
        proof_file = _write_lines(proof, Path(name) / "proof.jsonl")
        functions: dict[str, Scores] = {}
        exports = {}
        for format_name in options.formats:
            try:
                functions[format_name], exports[format_name] = _export(
                    model, format_name, Path(name) / f"as-{format_name}", proof_file
                )
            except ConfigError as error:
                report("exported", format=format_name, refused=str(error))
        expected = np.concatenate([model.predict_proba(batch) for batch in batches])
        speeds = _alternate(batches[:: max(1, len(batches) // _SPEED_BATCHES)], {**models, **functions})
        for format_name, figures in exports.items():
            scores = np.concatenate([functions[format_name](batch) for batch in batches])
            report(
                "exported",
                format=format_name,
                texts=len(texts),
                equal_labels=int((scores.argmax(axis=1) == expected.argmax(axis=1)).sum()),
                largest_difference=float(np.abs(scores - expected).max()),
                **figures,
                model_texts_per_second={precision: round(speeds[precision], 1) for precision in models},
                exported_texts_per_second=round(speeds[format_name], 1),
                ratio={precision: round(speeds[format_name] / speeds[precision], 2) for precision in models},
            )


def _train(folder: Path, fine_tune: str, training: Any, proof: Any) -> None:
    """Write the folder of a model, with the proof of int8 by other texts where it succeeds."""
    trained = tg.TextClassifier("minilm", training.label_names)
    trained.fit(training, fine_tune=fine_tune, ngrams=False, progress=False)
    trained.save(folder)
    model = tg.load(folder, engine="onnx")
    try:
        print(model.quantize(proof), file=sys.stderr)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return
    model.use_engine("tensorflow")
    model.save(folder, overwrite=True)


def _write_lines(data: Any, file: Path) -> Path:
    rows = [json.dumps({"text": row.text, "label": row.label}) for row in data]
    file.write_text("\n".join(rows), "utf-8")
    return file


def _export(model: Any, name: str, folder: Path, proof: Path) -> tuple[Scores, Mapping[str, Any]]:
    """The probabilities by an exported model, and the figures of its export."""
    options = {"to": name, **_OPTIONS[name], **({"proof": proof} if name == "litert-int8" else {})}
    start = time.monotonic()
    verification = tg.export_model(model, folder, **options)
    figures = {
        **({"proof": verification.proof} if verification.proof else {}),
        "needs": list(verification.needs),
        "megabytes": round(verification.bytes / 1e6),
        "export_seconds": round(time.monotonic() - start, 1),
    }
    if name == "int8":
        from textgraft.export.wheel_runtime.model import Model

        return Model(folder, QUANTIZED).predict_proba, figures
    answer = registry.implementation(FORMATS, options["to"], ExportFormat)().open(folder)
    key = "int8_scores" if name == "litert-int8" else "scores"
    return lambda texts: np.asarray(answer(texts)[key]), figures


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
    parser.add_argument("--fine-tune", default="none", help="the blocks that are trained (default: %(default)s)")
    parser.add_argument("--training-texts", type=int, default=1000, help="reviews (default: %(default)s)")
    parser.add_argument("--model", type=Path, help="folder of the trained model")
    parser.add_argument("--formats", nargs="+", choices=[*_OPTIONS], default=[*_OPTIONS])
    return parser.parse_args()


if __name__ == "__main__":
    main()
