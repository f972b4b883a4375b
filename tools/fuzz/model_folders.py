"""Make small model folders, of which the fuzzer's inputs are made; a script, since it imports TensorFlow.

python -m tools.fuzz.model_folders OUT
"""

import os
import sys
from pathlib import Path

from tools.make_tiny_presets import make_tiny_bert, make_tiny_word_vectors

import textgraft as tg

_TEXTS = ["good film", "bad film", "a plot"] * 4


def make_model_folders(out: Path) -> None:
    """Write a model folder of each kind into an empty folder, and export what ONNX expresses."""
    bert = make_tiny_bert(out / "preset", num_layers=2)
    words = make_tiny_word_vectors(out / "words")
    single = tg.Dataset.from_lists(_TEXTS, ["x", "y", "z"] * 4)
    sets = tg.Dataset.from_lists(_TEXTS, [["x"], ["y", "z"], []] * 4, problem="multi-label")
    numbers = tg.Dataset.from_lists(_TEXTS, [1.0, 2.5, 3.0] * 4, problem="regression")
    tagged = tg.TaggedDataset.from_lists(_TEXTS, [[[0, 4, "A"]], [], [[2, 6, "B"]]] * 4)
    models = {
        "single": (tg.TextClassifier(bert, ["x", "y", "z"], precision="float32", hidden=(4,)), single),
        "multi": (tg.TextClassifier(bert, ["x", "y", "z"], problem="multi-label", precision="float32"), sets),
        "regression": (tg.TextClassifier(bert, problem="regression", precision="float32"), numbers),
        "tagged": (tg.TokenClassifier(bert, ["A", "B"], precision="float32"), tagged),
        "words": (tg.TextClassifier(words, ["x", "y", "z"], precision="float32", trust_savedmodel=True), single),
    }
    for name, (model, data) in models.items():
        model.fit(data, validation=data, epochs=1, **({} if name == "words" else {"fine_tune": "none"}))
        model.evaluate(data, store=True)
        model.save(out / f"model-{name}")
        if name != "words":
            tg.export_model(model, out / f"export-{name}", "onnx")
    embedder = tg.TextEmbedder(bert, precision="float32")
    embedder.save(out / "model-embedder")
    tg.export_model(embedder, out / "export-embedder", "onnx")


if __name__ == "__main__":
    os.environ["TEXTGRAFT_OFFLINE"] = "1"
    make_model_folders(Path(sys.argv[1]))
