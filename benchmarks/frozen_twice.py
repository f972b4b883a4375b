"""`--fine-tune none` twice on IMDb reviews: the second run uses the cached embeddings of the first."""

import os
import tempfile
import time

import textgraft as tg
from benchmarks.report import data_folder, report, sample


def main() -> None:
    """Time a first run, its repetition, and a run with the other head, on 1,000 and on 5,000 reviews."""
    train, test = tg.load_dataset(data_folder() / "imdb", split="train,test", label="label")
    for rows in (1000, 5000):
        _measure(sample(train, rows), sample(test, 2000))


def _measure(train: tg.Dataset, test: tg.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TEXTGRAFT_CACHE"] = folder
        seconds, accuracy = {}, {}
        for name, head in {"first": "logistic", "second": "logistic", "gradient": "gradient"}.items():
            model = tg.TextClassifier("minilm", train.label_names)
            start = time.monotonic()
            model.fit(train, fine_tune="none", head=head, ngrams=False)
            seconds[name] = round(time.monotonic() - start, 2)
            accuracy[head] = accuracy.get(head) or model.evaluate(test)["accuracy"]
    ratios = {name: round(seconds["first"] / seconds[name], 1) for name in ("second", "gradient")}
    report("frozen_twice", reviews=len(train), seconds=seconds, ratios=ratios, accuracy=accuracy)


if __name__ == "__main__":
    main()
