"""Defaults on data sets by which nothing was chosen: emotions and irony of tweets (TweetEval).

    python -m benchmarks.tweeteval [NAME ...]

NAMEs are folders of `tweeteval/`, by default emotion and irony. The official training texts train, the official test
texts are used once, and TF-IDF with logistic regression stands beside.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

import textgraft as tg
from benchmarks.report import data_folder, report

NAMES = ("emotion", "irony")
MODES = ({"fine_tune": "none"}, {})

Part = tuple[list[str], list[str]]


def main() -> None:
    """Accuracy and macro F1 of each data set."""
    for name in sys.argv[1:] or NAMES:
        folder = data_folder() / "tweeteval" / name
        if not folder.is_dir():
            print(f"{folder} is absent; skipped", file=sys.stderr)
            continue
        train, test = (read_part(folder, part) for part in ("train", "test"))
        started = time.monotonic()
        words = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2), LogisticRegression(C=10, max_iter=1000)
        )
        words.fit(*train)
        report_scores(name, "TF-IDF", time.monotonic() - started, words.predict(test[0]), test[1])
        for options in MODES:
            report_model(name, options, train, test)


def read_part(folder: Path, part: str) -> Part:
    """Texts and labels, a line each."""
    texts, labels = ((folder / f"{part}_{kind}.txt").read_text("utf-8").split("\n") for kind in ("text", "labels"))
    labels = [label.strip() for label in labels if label.strip()]
    return texts[: len(labels)], labels


def report_model(name: str, options: dict[str, Any], train: Part, test: Part) -> None:
    """Train with these options of `fit`, and report the scores."""
    model = tg.TextClassifier("minilm", sorted(set(train[1])))
    started = time.monotonic()
    model.fit(*train, **options, seed=0)
    seconds = time.monotonic() - started
    report_scores(name, options.get("fine_tune", "all"), seconds, model.predict(test[0]), test[1])


def report_scores(name: str, mode: str, seconds: float, predicted: Any, labels: list[str]) -> None:
    """Report accuracy and macro F1."""
    accuracy = float(np.mean(np.array(predicted) == np.array(labels)))
    macro_f1 = float(f1_score(labels, predicted, average="macro"))
    report(
        "tweeteval", data=name, mode=mode, accuracy=round(accuracy, 4), macro_f1=round(macro_f1, 4),
        seconds=round(seconds, 1), test=len(labels),
    )  # fmt: skip


if __name__ == "__main__":
    main()
