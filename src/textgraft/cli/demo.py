"""`textgraft demo`: transfer learning compared with a baseline on the same few reviews."""

import time
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_result, print_table
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.errors import ModelFolderError

_REVIEWS = "reviews.jsonl"
_TRAIN_SHARE = 0.6
_BLOCKS = 3  # of six; cross-validated on the training reviews, as accurate as all of them, in half the time
_SENTENCES = (
    "We came home rested, well fed and already planning to return.",
    "Nothing they promised turned out to be true.",
    "The waiter forgot us twice, and yet we have booked again for Friday.",
    "A bargain, if you are short of paperweights.",
)


def demo(
    out: Annotated[
        Path, typer.Option(help="Model folder to write; that of an earlier demo is replaced.", rich_help_panel="Output")
    ] = Path("demo-model"),
    json: o.Json = False,
) -> None:
    """Compare minilm, fine-tuned on 300 reviews, with a baseline.

    The baseline without transfer learning is trained on the same reviews; both are tested on 200 others.

    The fine-tuned model is saved.
    """
    from textgraft.data.columns import Reading
    from textgraft.data.loading import load_datasets
    from textgraft.storage.folders import require_writable

    require_writable(out, overwrite=_is_demo_model(out))
    with resources.as_file(resources.files("textgraft") / "demo" / _REVIEWS) as path:
        (reviews,) = load_datasets(str(path), None, Reading())
    train, test = reviews.split(_TRAIN_SHARE, seed=0)
    log(f"{len(train)} reviews to train on, {len(test)} to test on, written for this demo")
    load_tensorflow()
    from textgraft.evaluation.metric_tables import classification_tables
    from textgraft.tasks.text_classification import TextClassifier
    from textgraft.tuning.baselines import tfidf_accuracy

    start = time.monotonic()
    model = TextClassifier("minilm", train.label_names)
    model.fit(train, epochs=5, fine_tune=f"last:{_BLOCKS}", ngrams=False)  # the baseline counts words
    seconds = time.monotonic() - start
    metrics = model.evaluate(test, store=True)
    model.save(out, overwrite=True)
    baseline = tfidf_accuracy(train, test)
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
    print_table(
        ("trained on the same 300 reviews", "test accuracy"),
        [
            ("TF-IDF + logistic regression", f"{baseline:.3f}"),
            (f"minilm, {_BLOCKS} blocks fine-tuned in {seconds:.0f} s", f"{metrics['accuracy']:.3f}"),
        ],
        "with and without transfer",
    )
    probabilities = model.predict_proba(list(_SENTENCES))
    cells = zip(_SENTENCES, model.objective.decode(probabilities), probabilities.max(axis=1), strict=True)
    print_table(
        ("sentence", "label", "probability"),
        [(sentence, str(label), f"{probability:.2f}") for sentence, label, probability in cells],
        "predictions for new sentences",
    )
    log(f"saved {out}; type into it: textgraft predict {out}", "next: textgraft train YOUR.csv --out my-model")


def _is_demo_model(folder: Path) -> bool:
    from textgraft.model_folder import folder as model_folder

    try:
        return str(model_folder.read(folder).config["data"]["test"]["source"]).endswith(_REVIEWS)
    except (ModelFolderError, KeyError):
        return False
