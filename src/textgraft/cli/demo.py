"""`textgraft demo`: transfer learning compared with a baseline on the same few reviews."""

import time
from importlib import resources
from typing import TYPE_CHECKING

from textgraft.cli import options as o

if TYPE_CHECKING:
    from rich.table import Table

    from textgraft.data.dataset import Dataset
    from textgraft.tasks.text_classification import TextClassifier

_TRAIN_SHARE = 0.6
_SENTENCES = (
    "We came home rested, well fed and already planning to return.",
    "Nothing they promised turned out to be true.",
    "The waiter forgot us twice, and yet we have booked again for Friday.",
    "A bargain, if you are short of paperweights.",
)


def demo(json: o.Json = False) -> None:
    """Compare minilm, fine-tuned on 300 reviews, with a baseline.

    The baseline without transfer learning is trained on the same reviews; both are tested on 200 others.
    """
    from textgraft.cli.output.console import log, print_json, print_result
    from textgraft.data.loading import load_datasets
    from textgraft.data.reading import Reading
    from textgraft.evaluation.baseline import tfidf_accuracy
    from textgraft.runtime import start_tensorflow

    with resources.as_file(resources.files("textgraft") / "demo" / "reviews.jsonl") as path:
        (reviews,) = load_datasets(str(path), None, Reading())
    train, test = reviews.split(_TRAIN_SHARE, seed=0)
    log(f"{len(train)} reviews to train on, {len(test)} to test on, written for this demo")
    start_tensorflow()
    from textgraft.evaluation.metric_tables import classification_tables
    from textgraft.tasks.text_classification import TextClassifier

    start = time.monotonic()
    model = TextClassifier("minilm", train.label_names)
    model.fit(train, epochs=5)
    seconds = time.monotonic() - start
    metrics = model.evaluate(test)
    baseline = tfidf_accuracy(_texts(train), train.label_ids(model.labels), _texts(test), test.label_ids(model.labels))
    if json:
        print_json(
            {
                "accuracy": metrics["accuracy"],
                "macro_f1": metrics["macro_f1"],
                "baseline_accuracy": baseline,
                "train_seconds": round(seconds, 2),
                "model": model.backbone.origin.preset,
            }
        )
        return
    print_result(classification_tables(metrics))
    print_result(_comparison_table(metrics["accuracy"], baseline, seconds))
    print_result(_predictions_table(model))
    log("next: textgraft train YOUR.csv --out my-model")


def _texts(data: "Dataset") -> list[str]:
    return [text.decode() for batch in data.batches() for text in batch.texts]


def _comparison_table(accuracy: float, baseline: float, seconds: float) -> "Table":
    from rich.table import Table

    table = Table("trained on the same 300 reviews", "test accuracy", title="with and without transfer")
    table.add_row("TF-IDF + logistic regression", f"{baseline:.3f}")
    table.add_row(f"minilm, fine-tuned in {seconds:.0f} s", f"{accuracy:.3f}")
    return table


def _predictions_table(model: "TextClassifier") -> "Table":
    from rich.table import Table

    table = Table("sentence", "label", "probability", title="predictions for new sentences")
    probabilities = model.predict_proba(list(_SENTENCES))
    for sentence, row, label in zip(_SENTENCES, probabilities, model.objective.decode(probabilities), strict=True):
        table.add_row(sentence, str(label), f"{row.max():.2f}")
    return table
