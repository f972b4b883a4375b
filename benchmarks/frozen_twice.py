"""`--fine-tune none` twice on 1,000 IMDb reviews: the second run finds the vectors of the first."""

import os
import tempfile
import time

import textgraft as tg
from benchmarks.report import data_folder, report, sample


def main() -> None:
    """Time the fit of the first run, of one like it, and of one with another head and seed."""
    train = sample(tg.load_dataset(data_folder() / "imdb", split="train", label="label"), 1000)
    test = sample(tg.load_dataset(data_folder() / "imdb", split="test", label="label"), 2000)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TEXTGRAFT_CACHE"] = folder
        seconds = {}
        for name, fit in {"first": {}, "second": {}, "logistic": {"head": "logistic"}}.items():
            model = tg.TextClassifier("minilm", train.label_names)
            start = time.monotonic()
            model.fit(train, fine_tune="none", **fit)
            seconds[name] = round(time.monotonic() - start, 2)
        accuracy = model.evaluate(test)["accuracy"]
    ratios = {name: round(seconds["first"] / seconds[name], 1) for name in ("second", "logistic")}
    report("frozen_twice", seconds=seconds, ratios=ratios, logistic_accuracy=accuracy)


if __name__ == "__main__":
    main()
