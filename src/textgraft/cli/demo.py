"""`textgraft demo`: transfer learning against a model without it, on the same few reviews."""

import time
from importlib import resources
from typing import Any

from textgraft.cli import options as o

_TRAIN_SHARE = 0.6
_SENTENCES = (
    "We came home rested, well fed and already planning to return.",
    "Nothing they promised turned out to be true.",
    "The waiter forgot us twice, and yet we have booked again for Friday.",
    "A bargain, if you are short of paperweights.",
)


def demo(json: o.Json = False) -> None:
    """Fine-tune minilm on 300 short reviews, test it on 200 others, beside a baseline without transfer."""
    from textgraft.cli.console import say, show, show_json
    from textgraft.data.loading import load_datasets
    from textgraft.data.reading import Reading
    from textgraft.evaluation.baseline import tfidf_accuracy

    with resources.as_file(resources.files("textgraft") / "demo" / "reviews.jsonl") as path:
        (reviews,) = load_datasets(str(path), None, Reading())
    train, test = reviews.split(_TRAIN_SHARE, seed=0)
    say(f"{len(train)} reviews to train on, {len(test)} to test on, written for this demo")

    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    from textgraft.evaluation.metric_tables import classification_tables
    from textgraft.tasks.text_classification import TextClassifier

    start = time.monotonic()
    model = TextClassifier("minilm", train.label_names)
    model.fit(train, epochs=5)
    seconds = time.monotonic() - start
    metrics = model.evaluate(test)
    baseline = tfidf_accuracy(_texts(train), train.label_ids(model.labels), _texts(test), test.label_ids(model.labels))
    if not json:
        show(classification_tables(metrics))
        show(_comparison(metrics["accuracy"], baseline, seconds))
        show(_predictions(model))
        say("next: textgraft train YOUR.csv --out my-model")
        return
    show_json(
        {
            "accuracy": metrics["accuracy"],
            "macro_f1": metrics["macro_f1"],
            "baseline_accuracy": baseline,
            "train_seconds": round(seconds, 2),
            "model": model.backbone.origin.preset,
        }
    )


def _texts(data: Any) -> list[str]:
    return [text.decode() for batch in data.batches() for text in batch.texts]


def _comparison(accuracy: float, baseline: float, seconds: float) -> Any:
    from rich.table import Table

    table = Table("trained on the same 300 reviews", "test accuracy", title="with and without transfer")
    table.add_row("TF-IDF + logistic regression", f"{baseline:.3f}")
    table.add_row(f"minilm, fine-tuned in {seconds:.0f} s", f"{accuracy:.3f}")
    return table


def _predictions(model: Any) -> Any:
    from rich.table import Table

    table = Table("sentence", "label", "probability", title="sentences it has not seen")
    probabilities = model.predict_proba(list(_SENTENCES))
    for sentence, row, label in zip(_SENTENCES, probabilities, model.objective.decode(probabilities), strict=True):
        table.add_row(sentence, label, f"{row.max():.2f}")
    return table
