"""Checks of data: planted faults that are detected, false alarms on clean samples, and time and memory.

    python -m benchmarks.data_checks [JOB ...]

Jobs: duplicates, labels, spans, alarms, faults, cost; by default all. Only training texts are used.
"""

import resource
import sys
import time
from itertools import product, zip_longest
from typing import cast

import numpy as np

import textgraft as tg
from benchmarks.planted_spans import DROPPED, FAULTS, RELABELLED, SHORTENED, plant
from benchmarks.report import data_folder, report
from textgraft.data_checks.checked_data import CheckedData
from textgraft.data_checks.checks.drift import Drift
from textgraft.data_checks.checks.leakage_words import LeakageWords
from textgraft.data_checks.confident_learning import doubtful_labels
from textgraft.data_checks.doubtful_spans import DoubtfulSpans, doubtful_spans
from textgraft.data_checks.duplicate_texts import DuplicateTexts
from textgraft.data_checks.quick_model import count_word_pairs, out_of_fold_probabilities
from textgraft.data_checks.report import run_checks
from textgraft.data_checks.shingles import Shingler, jaccard

DATA = ("imdb", "agnews", "trec")
SIZES = {"imdb": (5000, 25_000), "agnews": (5000, 14_927), "trec": (5452,)}
PLANTED = 500
FLIPPED, TOP = 0.05, 0.07
SPAN_SEEDS = range(3)
RESAMPLES, SAMPLE = 20, 3000
SEED = 0


def main() -> None:
    """Run the jobs that the arguments name."""
    jobs = {
        "duplicates": duplicates, "labels": labels, "spans": spans, "alarms": alarms, "faults": faults, "cost": cost
    }  # fmt: skip
    for job in sys.argv[1:] or jobs:
        jobs[job]()


def load(name: str, rows: int | None = None) -> tg.Dataset:
    """The training texts of a data set, or some of them in random order."""
    data = tg.load_dataset(data_folder() / name, split="train", label="label")
    return data if rows is None else data.take(np.random.default_rng(SEED).permutation(len(data))[:rows])


def duplicates() -> None:
    """Repeats of training texts in a test set: in other case and white space, and with some words changed."""
    generator = np.random.default_rng(SEED)
    for name in DATA:
        data = load(name)
        texts = [row.text for row in data.take(generator.permutation(len(data))[:PLANTED])]
        exact = tg.Dataset.from_lists([f" {text.upper()}  ".replace(" ", "  ") for text in texts if text.isascii()])
        near = tg.Dataset.from_lists([changed for text in texts if (changed := _change(text, generator))])
        search = DuplicateTexts.search({"train": data, "exact": exact, "near": near})
        report(
            "data_checks_duplicates",
            data=name,
            exact=len(exact),
            exact_detected=len(search.across("exact", "train").rows),
            near=len(near),
            near_detected=len(search.in_either("near", "train").rows),
        )


def _change(text: str, generator: np.random.Generator) -> str:
    """A text with as many random words replaced as leave a similarity of at least 0.8; empty where that is none."""
    shingler, words = Shingler(), text.split()
    original, changed = np.unique(shingler.shingles(text.encode())), ""
    for index in generator.permutation(len(words)) if len(original) else ():
        words[index] = f"changed{index}"
        candidate = " ".join(words)
        shingles = np.unique(shingler.shingles(candidate.encode()))
        if not len(shingles) or jaccard(original, shingles) < 0.8:
            break
        changed = candidate
    return changed


def labels() -> None:
    """Flipped labels among the most doubtful rows."""
    for name, sizes in SIZES.items():
        for rows in sizes:
            data = load(name, rows)
            generator = np.random.default_rng(SEED)
            targets = data.label_ids(list(data.counts())).astype(np.int64)
            count = int(targets.max()) + 1
            flipped = generator.permutation(len(data))[: int(FLIPPED * len(data))]
            noisy = targets.copy()
            noisy[flipped] = (targets[flipped] + generator.integers(1, count, len(flipped))) % count
            start = time.process_time()
            texts = DuplicateTexts.exact({"train": data}).texts["train"]
            probabilities = out_of_fold_probabilities(count_word_pairs(data), noisy, texts, SEED)
            doubtful = doubtful_labels(probabilities, noisy)
            top = doubtful.order[: int(TOP * len(data))]
            report(
                "data_checks_labels",
                data=name,
                rows=rows,
                recall=round(float(np.isin(flipped, top).mean()), 3),
                accuracy=round(float((probabilities.argmax(axis=1) == targets).mean()), 3),
                flagged=doubtful.total,
                processor_seconds=round(time.process_time() - start, 1),
            )


def spans() -> None:
    """Faults in spans of WNUT 2017 among the most doubtful rows; and how many rows are doubtful without them.

    Rows are ranked by what a fault of each kind changes, and by the best of these ranks.
    """
    data = tg.load_tagged(data_folder() / "wnut17" / "train.conll")
    result, top = _doubts(data), int(TOP * len(data))
    flagged = [ranking.total for ranking in result[:3]]
    report("data_checks_spans", fault="none", rows=len(data), flagged=flagged, words=round(result.recall, 3))
    for fault, seed in product(FAULTS, SPAN_SEEDS):
        faulty, rows = plant(data, fault, FLIPPED, seed)
        start = time.process_time()
        result = _doubts(faulty)
        ranking = {RELABELLED: result.labels, DROPPED: result.spans, SHORTENED: result.bounds}[fault]
        ranked = [doubt.row for doubt in ranking.ranked]
        report(
            "data_checks_spans",
            fault=fault,
            seed=seed,
            rows=len(rows),
            recall=round(float(np.isin(rows, ranked[:top]).mean()), 3),
            recall_of_all=round(float(np.isin(rows, _merged(result)[:top]).mean()), 3),
            recall_flagged=round(float(np.isin(rows, ranked[: ranking.total]).mean()), 3),
            flagged=ranking.total,
            processor_seconds=round(time.process_time() - start, 1),
        )


def _merged(result: DoubtfulSpans) -> list[int]:
    """The rows of all rankings, in turns."""
    turns = zip_longest(*([doubt.row for doubt in ranking.ranked] for ranking in result[:3]))
    return list(dict.fromkeys(row for turn in turns for row in turn if row is not None))


def _doubts(data: tg.TaggedDataset) -> DoubtfulSpans:
    result = doubtful_spans(data, DuplicateTexts.exact({"train": data}).texts["train"], SEED)
    return cast("DoubtfulSpans", result)


def alarms() -> None:
    """Random splits of training texts in which drift or a leakage word is reported."""
    for name in DATA:
        drifted = leaking = 0
        data = load(name)
        for seed in range(RESAMPLES):
            rows = np.random.default_rng(seed).permutation(len(data))[:SAMPLE]
            train, test = data.take(rows).split(2 / 3, seed=seed)
            checked = CheckedData({"train": train, "test": test}, seed=seed)
            drifted += any(finding.kind != "no drift" for finding in Drift().findings(checked))
            leaking += any(True for _ in LeakageWords().findings(checked))
        report("data_checks_alarms", data=name, resamples=RESAMPLES, drift=drifted, leakage_words=leaking)


def faults() -> None:
    """Drift and leakage words that are planted in random splits of training texts."""
    for name in DATA:
        detected = dict.fromkeys(("labels", "lengths", "words", "leakage word"), 0)
        data = load(name)
        for seed in range(RESAMPLES):
            generator = np.random.default_rng(seed)
            train, test = data.take(generator.permutation(len(data))[:SAMPLE]).split(2 / 3, seed=seed)
            first = max(data.counts().items(), key=lambda item: item[1])[0]
            is_first = test.require_labels() == first
            shifted = test.take(np.flatnonzero(is_first | (generator.random(len(test)) < 0.4)))
            detected["labels"] += _has(train, shifted, "drift of labels", seed)
            cut = [" ".join(row.text.split()[: max(3, len(row.text.split()) // 2)]) for row in test]
            detected["lengths"] += _has(train, _relabelled(test, cut), "drift of lengths", seed)
            foreign = [f"{row.text} please contact support" if generator.random() < 0.5 else row.text for row in test]
            detected["words"] += _has(train, _relabelled(test, foreign), "drift of words", seed)
            marked = [
                f"{row.text} topic{row.label == first}" if generator.random() < 0.9 else row.text for row in train
            ]
            leaking = CheckedData({"train": _relabelled(train, marked)}, seed=seed)
            detected["leakage word"] += any(True for _ in LeakageWords().findings(leaking))
        report("data_checks_faults", data=name, resamples=RESAMPLES, **detected)


def _relabelled(data: tg.Dataset, texts: list[str]) -> tg.Dataset:
    return tg.Dataset.from_lists(texts, [row.label for row in data])


def _has(train: tg.Dataset, test: tg.Dataset, kind: str, seed: int) -> bool:
    checked = CheckedData({"train": train, "test": test}, seed=seed)
    return any(finding.kind == kind for finding in Drift().findings(checked))


def cost() -> None:
    """All checks of 25,000 reviews."""
    data = load("imdb")
    start, processor_start = time.monotonic(), time.process_time()
    result = run_checks(CheckedData({"train": data}))
    seconds, processor_seconds = time.monotonic() - start, time.process_time() - processor_start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report(
        "data_checks_cost",
        texts=len(data),
        seconds=round(seconds, 1),
        processor_seconds=round(processor_seconds, 1),
        memory_mb=round(memory),
        findings=len(result.findings),
    )


if __name__ == "__main__":
    main()
