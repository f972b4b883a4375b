"""Exported sentiment models beside their model: equal answers to reviews, texts per second, and the time of the export.

    python -m benchmarks.exported [--texts 400] [--formats savedmodel onnx int8 litert litert-int8]
        [--fine-tune all] [--model FOLDER]

All classify the same batches of 16 reviews of similar length, in turns: the model from strings by `predict_proba` in
float32, the SavedModel by its signature, the network in ONNX, in float32 or int8, by the runtime of exported packages,
LiteRT text by text. int8 is proved on training reviews that the model was not trained on; where it is refused, its
line says why. `--model` keeps the trained model in a folder, or takes it from there, so that it is trained once.
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

_TRAINING_TEXTS, _PROOF_TEXTS, _BATCH = 1000, 1000, 16
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
    train, test = sample(data["train"], _TRAINING_TEXTS + _PROOF_TEXTS), sample(data["test"], options.texts)
    texts = sorted((row.text for row in test), key=len)
    batches = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        training, proof = train.split(_TRAINING_TEXTS / len(train), seed=0)
        model = _trained(options.model, options.fine_tune, training, proof if "int8" in options.formats else None)
        proof_file = _write_lines(proof, folder / "proof.jsonl")
        functions: dict[str, Scores] = {"textgraft": model.predict_proba}
        exports = {}
        for format_name in options.formats:
            try:
                functions[format_name], exports[format_name] = _export(
                    model, format_name, folder / f"as-{format_name}", proof_file
                )
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


def _trained(folder: Path | None, fine_tune: str, data: Any, proof: Any) -> Any:
    """The model in a folder, which is trained and saved first where there is none."""
    if folder is None or not folder.exists():
        model = _train(fine_tune, data, proof)
        if folder is None:
            return model
        model.save(folder)
    return tg.load(folder, precision="float32")


def _train(fine_tune: str, data: Any, proof: Any) -> Any:
    """A model in float32 on TensorFlow, with the proof of int8 by other texts, where there are some and it succeeds."""
    model = tg.TextClassifier("minilm", data.label_names, precision="float32")
    model.fit(data, fine_tune=fine_tune, ngrams=False, progress=False)
    if proof is not None:
        try:
            print(model.quantize(proof), file=sys.stderr)
        except ConfigError as error:
            print(error, file=sys.stderr)
        model.use_engine("tensorflow")
    return model


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
    parser.add_argument("--model", type=Path, help="folder of the trained model")
    parser.add_argument("--formats", nargs="+", choices=[*_OPTIONS], default=[*_OPTIONS])
    return parser.parse_args()


if __name__ == "__main__":
    main()
