"""Labels that may not be what they seem: their counts in a line, and a notice for each kind of suspicion."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from textgraft.data.folding import fold
from textgraft.data.labels import (
    MAX_LISTED,
    MULTI,
    REGRESSION,
    decimal_comma,
    join_first,
    normalize_label,
    show_label,
)
from textgraft.errors import counted

_MAX_EXAMPLES = 3
_SEPARATORS = ("|", ";", ",", "/")
_PLAIN_SEPARATORS = ("|", ";")  # those that names of labels rarely have
_MISSING = frozenset({"nan", "na", "none", "null", "<na>", "n/a", "nat"})
_MAX_CATEGORIES = 20  # different whole numbers that are usual as categories
_MIN_ROWS = 10  # of a file whose labels can be called almost unique
_IMBALANCE = 20

Counts = Mapping[str, int]


def label_notices(source: str, counts: Counts, rows: int, column: str, problem: str) -> tuple[str, ...]:
    """One line for each kind of suspicious labels of a training set.

    Args:
        source: name of the training set.
        counts: rows by label.
        rows: number of rows.
        column: the name of the column of labels, empty where it has none.
        problem: one of `data.labels.PROBLEMS`; numbers have no such notices.
    """
    if problem == REGRESSION:
        return ()
    notices = [spelling_notice(counts), header_notice(counts, column), missing_notice(counts)]
    wrong_kind = ""
    if problem != MULTI:
        wrong_kind = structure_notice(counts) or number_notice(counts) or unique_notice(counts, rows)
    # Counts of labels that are of another kind mean nothing.
    notices += [wrong_kind] if wrong_kind else [single_notice(counts), imbalance_notice(counts, rows)]
    return tuple(f"{source}: {notice}" for notice in notices if notice)


def describe_counts(counts: Counts) -> tuple[str, ...]:
    """A line of the most frequent labels with their counts, and how many more there are; none without labels."""
    if not counts:
        return ()
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    shown = [f"{show_label(label)} {count:,}" for label, count in ranked[:MAX_LISTED]]
    return (f"{counted(len(ranked), 'label')}: {join_first(shown, len(ranked))}",)


def spelling_variants(counts: Counts) -> list[list[str]]:
    """Groups of labels that differ only in case, white space or the decimals of a whole number."""
    groups = defaultdict(list)
    for label in counts:
        groups[normalize_label(label)].append(label)
    return [labels for labels in groups.values() if len(labels) > 1]


def spelling_notice(counts: Counts) -> str:
    """Labels of `spelling_variants`."""
    variants = spelling_variants(counts)
    if not variants:
        return ""
    examples = ", ".join(f"{label!r} ({counts[label]:,})" for label in variants[0][:_MAX_EXAMPLES])
    return (
        f"{sum(map(len, variants)):,} labels differ only in case, white space or decimals from another, such as "
        f"{examples}; set normalize_labels to merge them into {len(variants):,}"
    )


def header_labels(counts: Counts, column: str) -> list[str]:
    """Labels that are the name of their column."""
    return [label for label in counts if fold(label) == fold(column)]


def header_notice(counts: Counts, column: str) -> str:
    """Labels of `header_labels`."""
    headers = header_labels(counts, column)
    if not headers:
        return ""
    return (
        f"{_rows(counts, headers)} the label {headers[0]!r}, which is also the name of the column; if the header is "
        "repeated among the rows, remove it there"
    )


def missing_values(counts: Counts) -> list[str]:
    """Labels that programs write for a missing value."""
    return [label for label in counts if fold(label) in _MISSING]


def missing_notice(counts: Counts) -> str:
    """Labels of `missing_values`."""
    missing = missing_values(counts)
    if not missing:
        return ""
    return (
        f"{_rows(counts, missing)} the label {missing[0]!r}, which is trained as a label like any other; if it means "
        "that there is none, leave the cell empty and set missing_labels to drop"
    )


def structure_notice(counts: Counts) -> str:
    """Labels that look like lists, JSON objects, or several labels with a separator between them."""
    for name, pattern in (("lists", r"\[.*\]|\(.*,.*\)|\{[^:]*\}"), ("JSON objects", r"\{.*:.*\}")):
        matching = [label for label in counts if re.fullmatch(pattern, label.strip(), re.DOTALL)]
        if matching:
            fix = "set problem to multi-label" if name == "lists" else "set label to a column of plain labels"
            return f"{_rows(counts, matching)} labels that look like {name}, such as {_examples(matching[:1])}; {fix}"
    for separator in _SEPARATORS:
        joined = [label for label in counts if separator in label]
        shared = any if separator in _PLAIN_SEPARATORS else all
        if joined and all(map(shared, _shared_parts(joined, counts, separator))):
            return (
                f"{_rows(counts, joined)} labels that look like several, such as {_examples(joined[:1])}; set "
                f"label_separator to {separator!r} if each text has a set of labels"
            )
    return ""


def number_notice(counts: Counts) -> str:
    """Numbers that are more than a few whole ones."""
    try:
        numbers = [float(label.replace(",", ".") if decimal_comma(label) else label) for label in counts]
    except ValueError:
        return ""
    if not all(map(isfinite, numbers)):
        return ""
    if len(numbers) <= _MAX_CATEGORIES and all(map(float.is_integer, numbers)):
        return ""
    return (
        f"the labels look like numbers: {len(counts):,} different ones, such as {_examples(counts)}; set problem to "
        f"regression to predict a number{', with decimals after a point' if any(map(decimal_comma, counts)) else ''}"
    )


def unique_notice(counts: Counts, rows: int) -> str:
    """Labels of which more than half are different."""
    if rows < _MIN_ROWS or len(counts) <= rows / 2:
        return ""
    return (
        f"{len(counts):,} of {rows:,} rows have a label of their own, such as {_examples(counts)}; if these are ids or "
        "texts, set label to the column of labels"
    )


def single_labels(counts: Counts) -> list[str]:
    """Labels of one row."""
    return [label for label, count in counts.items() if count == 1]


def single_notice(counts: Counts) -> str:
    """Labels of `single_labels`."""
    single = single_labels(counts)
    if not single:
        return ""
    verb = "label has" if len(single) == 1 else "labels have"
    return (
        f"{len(single):,} {verb} one text only, so no text to be validated on: {_examples(single)}; add texts, or "
        "merge or remove such labels"
    )


def imbalance_notice(counts: Counts, rows: int) -> str:
    """A label that is much more frequent than another, which has more than one row."""
    ranked = sorted((label for label, count in counts.items() if count > 1), key=counts.__getitem__)
    if not ranked or counts[ranked[-1]] < _IMBALANCE * counts[ranked[0]]:
        return ""
    frequent, rare = ranked[-1], ranked[0]
    return (
        f"imbalanced labels: {show_label(frequent)} has {counts[frequent]:,} of {rows:,} texts, {show_label(rare)} "
        f"{counts[rare]:,}; balance weights or oversample makes rare labels count as much as frequent ones, and "
        "metric macro_f1 judges all labels alike"
    )


def unpredicted_notice(predicted: Counts, support: Counts, set_name: str) -> str:
    """Labels that texts have and that were predicted for none; arguments are rows by label."""
    never = [label for label, count in support.items() if count and not predicted.get(label)]
    if not never:
        return ""
    share = f"{len(never):,} of {len(support):,} labels {'is' if len(never) == 1 else 'are'}"
    return (
        f"{share} never predicted on the {set_name} texts: {_examples(never)}; add texts of them, or set balance to "
        "weights or oversample"
    )


def _shared_parts(joined: Sequence[str], counts: Counts, separator: str) -> list[list[bool]]:
    """Whether each part of each joined label is a label, or part of another one too."""
    parts = [[part.strip() for part in label.split(separator)] for label in joined]
    seen: dict[str, int] = defaultdict(int, dict.fromkeys(counts, 1))
    for label_parts in parts:
        for part in set(label_parts):
            seen[part] += 1
    return [[bool(part) and seen[part] > 1 for part in label_parts] for label_parts in parts]


def _rows(counts: Counts, labels: Iterable[str]) -> str:
    total = sum(counts[label] for label in labels)
    return "1 row has" if total == 1 else f"{total:,} rows have"


def _examples(labels: Iterable[str]) -> str:
    shown = list(labels)
    return ", ".join(map(show_label, shown[:_MAX_EXAMPLES])) + (", ..." if len(shown) > _MAX_EXAMPLES else "")
