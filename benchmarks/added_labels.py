"""A label added to a trained model by --from: accuracy on the earlier labels and the new one, with and without replay.

Arguments name the jobs, such as agnews-none or trec-all; by default all. The texts that measure the accuracy are
training texts outside the runs, so the test sets are not used.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report
from textgraft.tasks.replay import sample_embeddings

# Data sets with the label that is added later.
DATA = {"agnews": "World", "trec": "LOC"}
JOBS = {f"{name}-{fine_tune}": (name, fine_tune) for name in DATA for fine_tune in ("none", "all")}
SEEDS, HELD_OUT = {"none": (0, 1, 2), "all": (0, 1)}, 600
EARLIER_ROWS, NEW_ROWS = 200, 50  # of each label
KEPT, REPEATED_ROWS = (0, 20, 100, 200), (20, 0)  # embeddings of each label; new texts of each earlier label


def main() -> None:
    """A seed draws the texts and seeds the training."""
    for job in sys.argv[1:] or JOBS:
        name, fine_tune = JOBS[job]
        data: Any = tg.load_dataset(data_folder() / name, split="train", label="label")
        results: dict[tuple[Any, ...], list[tuple[float, ...]]] = {}
        for seed in SEEDS[fine_tune]:
            for key, accuracies in _measure(data, DATA[name], fine_tune, seed).items():
                results.setdefault(key, []).append(accuracies)
        for (model, kept, repeated), runs in results.items():
            names = ("earlier_labels", "new_label", "all")
            means = {
                column: round(float(np.mean(run)), 4)
                for column, run in zip(names, zip(*runs, strict=True), strict=True)
            }
            report("added_labels", job=job, model=model, kept=kept, repeated=repeated, runs=len(runs), **means)


def _measure(data: tg.Dataset, added: str, fine_tune: str, seed: int) -> dict[tuple[Any, ...], tuple[float, ...]]:
    labels = [label for label in data.label_names if label != added]
    targets = data.label_ids([*labels, added])
    order = np.random.default_rng(seed).permutation(len(data))
    rows = [order[targets[order] == index] for index in range(len(labels) + 1)]
    held_out = order[~np.isin(order, np.concatenate([part[: EARLIER_ROWS + NEW_ROWS] for part in rows]))][:HELD_OUT]
    test, test_targets = data.take(held_out), targets[held_out]

    def accuracies(model: tg.TextClassifier) -> tuple[float, ...]:
        correct = model.predict_proba(test).argmax(axis=1) == test_targets
        is_new = test_targets == len(labels)
        return tuple(float(correct[part].mean()) for part in (~is_new, is_new, np.ones(len(correct), bool)))

    earlier_rows, new_rows = [part[:EARLIER_ROWS] for part in rows[:-1]], [rows[-1][:NEW_ROWS]]
    repeated_rows = [part[EARLIER_ROWS : EARLIER_ROWS + NEW_ROWS] for part in rows[:-1]]
    results = {}
    earlier = tg.TextClassifier("minilm", labels, seed=seed)
    train = data.take(np.concatenate(earlier_rows))
    earlier.fit(train, fine_tune=fine_tune, seed=seed, keep_replay=max(KEPT), progress=False)
    results["earlier", 0, 0] = accuracies(earlier)
    for repeated in REPEATED_ROWS:
        added_texts = data.take(np.concatenate([*new_rows, *(part[:repeated] for part in repeated_rows)]))
        for kept in KEPT:
            results["extended", kept, repeated] = accuracies(_extend(earlier, added, added_texts, kept, seed))
    all_texts = data.take(np.concatenate([*earlier_rows, *new_rows]))
    fresh = tg.TextClassifier("minilm", [*labels, added], seed=seed)
    fresh.fit(all_texts, fine_tune=fine_tune, seed=seed, ngrams=False, progress=False)
    results["trained on all texts", 0, 0] = accuracies(fresh)
    return results


def _extend(earlier: tg.TextClassifier, added: str, texts: tg.Dataset, kept: int, seed: int) -> tg.TextClassifier:
    """A model that extends another one, of whose embeddings at most `kept` of each label remain."""
    replay = earlier.replay
    if replay is None:
        raise ValueError("the earlier model keeps no embeddings")
    sets = {name: sample_embeddings([rows], kept, seed) for name, rows in replay.sets.items()} if kept else {}
    with tempfile.TemporaryDirectory() as scratch:
        earlier.replay = replace(replay, per_label=kept, sets=sets) if kept else None
        folder = earlier.save(Path(scratch) / "earlier")
        earlier.replay = replay
        model = tg.ExtendedClassifier(folder, [added])
        model.fit(texts, seed=seed, progress=False)
    return model


if __name__ == "__main__":
    main()
