"""Multi-label TREC with a rare label: its metrics by balancing method, with tuned thresholds and with 0.5."""

import json
from typing import Any

import numpy as np

import textgraft as tg
from benchmarks.report import data_folder, report

BALANCES = ("none", "weights", "focal", "oversample")

_RARE = {"ENTY:animal", "ENTY:food"}
_TRAIN, _VALIDATION = 2000, 600


def main() -> None:
    """Frozen minilm on 2,000 questions, of which 4 % ask for an animal or a dish and 22 % for a person."""
    questions, test_questions = (_read(name) for name in ("train", "test"))
    order = np.random.default_rng(0).permutation(len(questions))
    train_rows, validation_rows, test_rows = np.split(order, [_TRAIN, _TRAIN + _VALIDATION])
    train, validation = (_label_sets([questions[row] for row in rows]) for rows in (train_rows, validation_rows))
    test = _label_sets([*(questions[row] for row in test_rows), *test_questions])
    for balance in BALANCES:
        model = tg.TextClassifier("minilm", train.label_names, problem="multi-label", sequence_length=64)
        model.fit(train, validation=validation, fine_tune="none", balance=balance, epochs=15)
        _report(balance, "tuned", model.evaluate(test))
        model.objective.prepare(train)  # resets the thresholds
        _report(balance, "0.5", model.evaluate(test))


def _read(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (data_folder() / "trec" / f"{name}.jsonl").read_text().splitlines()]


def _label_sets(questions: list[dict[str, str]]) -> tg.Dataset:
    sets = [["eaten"] * (row["fine"] in _RARE) + ["people"] * (row["label"] == "HUM") for row in questions]
    return tg.Dataset.from_lists([row["text"] for row in questions], sets)


def _report(balance: str, thresholds: str, metrics: dict[str, Any]) -> None:
    rare = {name: round(metrics["per_class"]["eaten"][name], 3) for name in ("precision", "recall", "f1")}
    means = {name: round(metrics[name], 3) for name in ("macro_f1", "micro_f1", "label_set_accuracy")}
    report("rare_labels", balance=balance, thresholds=thresholds, rare=rare, **means)


if __name__ == "__main__":
    main()
