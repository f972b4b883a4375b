"""Lengths of texts by label, and texts that a preset truncates."""

from collections.abc import Iterator

import numpy as np

from textgraft.data.labels import show_label
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.finding import NOTE, WARNING, Finding, rows_of
from textgraft.data_checks.label_facts import LabelFacts

_MIN_TEXTS = 20  # of a label whose lengths are compared
_FACTOR = 3  # between the median length of a label and that of all texts
_SHARE = 0.1  # of truncated texts that are worth a warning


class Lengths(Check):
    """Lengths, and truncation where a preset is named."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        facts = data.label_facts
        total = facts.all_texts
        for label, fact in facts.by_label.items():
            differs = not total.median_words / _FACTOR < fact.median_words < total.median_words * _FACTOR
            if fact.texts >= _MIN_TEXTS and differs:
                yield Finding(
                    "length of a label",
                    NOTE,
                    fact.texts,
                    f"{data.train.source}: texts of the label {show_label(label)} have {fact.median_words:g} words "
                    f"(median), all texts {total.median_words:g}",
                    "a model may learn the length; check that texts to predict on differ likewise",
                )
        yield from _truncated(data, facts)


def _truncated(data: CheckedData, facts: LabelFacts) -> Iterator[Finding]:
    rows = facts.truncated_rows
    if data.tokenizer is None or not len(rows):
        return
    share = len(rows) / len(data.train)
    shares = {label: fact.truncated or 0.0 for label, fact in facts.by_label.items()}
    longest = max(shares, key=shares.__getitem__, default="")
    longest_label = f", of {show_label(longest)} {shares[longest]:.0%}" if shares else ""
    yield Finding(
        "truncated texts",
        WARNING if share >= _SHARE else NOTE,
        len(rows),
        f"{data.train.source}: {len(rows):,} of {len(data.train):,} texts ({share:.0%}{longest_label}) have more than "
        f"the {data.tokenizer.limit} tokens that {data.tokenizer.preset} takes by default",
        "set sequence_length to more tokens, or truncation to head+tail or windows",
        rows_of(data.train, TRAIN, rows[np.argsort(-facts.tokens[rows], kind="stable")]),
    )
