"""Accuracy with few labels, with and without co-training on unlabelled texts; three seeds.

    python -m benchmarks.unlabelled [--test] [--fine-tune none|all] [JOB ...]

A job is a data set, a number of labels, and "+" for descriptions of these, such as imdb:16+. By default held-out
training texts measure the accuracy, so that settings can be chosen by the results; with --test, texts of the test set.
The unlabelled texts are other training texts. A seed draws all of them. Frozen, long texts
are read in windows, as by `textgraft train`. Embeddings are not cached.
"""

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report, require_data, sample
from textgraft.training.recipes import frozen_options

JOBS = ("imdb:16", "imdb:16+", "imdb:64", "imdb:64+", "agnews:16", "agnews:16+", "agnews:64", "agnews:64+")
SEEDS = (0, 1, 2)
UNLABELLED, EVALUATED = 5000, 1000
DESCRIPTIONS = Path(__file__).with_name("label_descriptions")


def main() -> None:
    """Train each job with and without unlabelled texts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--test", action="store_true")
    parser.add_argument("--fine-tune", default="none")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--only", choices=("with", "without"))
    parser.add_argument("jobs", nargs="*", default=JOBS)
    options = parser.parse_args()
    require_data()
    for job in options.jobs:
        for seed in map(int, options.seeds.split(",")):
            for side in (options.only,) if options.only else ("without", "with"):
                report("unlabelled", job=job, fine_tune=options.fine_tune, test=options.test, seed=seed, side=side,
                       **_train(job, seed, side, options.test, options.fine_tune))  # fmt: skip


def _train(job: str, seed: int, side: str, on_test: bool, fine_tune: str) -> dict[str, object]:
    name, rows = job.rstrip("+").split(":")
    data = tg.load_dataset(data_folder() / name, split="train", label="label")
    order = np.random.default_rng(500 + seed).permutation(len(data))
    held_out, others = order[:EVALUATED], order[EVALUATED : EVALUATED + UNLABELLED]
    labelled = sample(data.take(np.sort(order[EVALUATED + UNLABELLED :])), int(rows), seed)
    evaluated = data.take(np.sort(held_out))
    if on_test:
        test = tg.load_dataset(data_folder() / name, split="test", label="label")
        evaluated = sample(test, 2 * EVALUATED) if len(test) > 2 * EVALUATED else test
    descriptions = DESCRIPTIONS / f"{name}.toml" if job.endswith("+") else None
    reading = frozen_options("minilm", {"pairs": False}, {}) if fine_tune == "none" else {}
    model = tg.TextClassifier("minilm", data.label_names, seed=seed, descriptions=descriptions, **reading)
    unlabelled = data.take(np.sort(others)) if side == "with" else None
    with TemporaryDirectory() as cache:
        os.environ["TEXTGRAFT_CACHE"] = cache
        start = time.monotonic()
        model.fit(labelled, unlabelled=unlabelled, fine_tune=fine_tune, progress=False, seed=seed)
        seconds = round(time.monotonic() - start, 1)
    facts = model.record.get("co_training", {})
    decided = {key: facts[key] for key in ("not_used_because", "labelled") if facts}
    return {"accuracy": round(model.evaluate(evaluated)["accuracy"], 4), "seconds": seconds, **decided}


if __name__ == "__main__":
    main()
