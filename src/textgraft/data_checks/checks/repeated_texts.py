"""Texts that occur more than once, exactly or nearly, within a split and across splits."""

from collections.abc import Iterator
from itertools import combinations

from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.duplicate_texts import RepeatedRows
from textgraft.data_checks.finding import LEAK, MAX_ROWS, NOTE, WARNING, Finding, RowNote, rows_of

_KINDS = {False: "exact duplicates", True: "near duplicates"}
_VERBS = {False: "repeat", True: "nearly repeat"}


class RepeatedTexts(Check):
    """Exact and near duplicates."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        duplicates = data.duplicates
        for name in data.splits:
            for nearly, repeated in ((False, duplicates.within(name)), (True, duplicates.nearly_within(name))):
                yield from _within(data, name, repeated, nearly)
        for earlier, later in combinations(data.splits, 2):
            exact, near = duplicates.across(later, earlier), duplicates.nearly_across(later, earlier)
            for nearly, repeated in ((False, exact), (True, near)):
                yield from _across(data, (later, earlier), repeated, nearly)


def _within(data: CheckedData, name: str, repeated: RepeatedRows, nearly: bool) -> Iterator[Finding]:
    dataset, count = data.splits[name], len(repeated.rows)
    if count:
        yield Finding(
            _KINDS[nearly],
            NOTE,
            count,
            f"{dataset.source}: {count:,} of {len(dataset):,} texts {_VERBS[nearly]} an earlier one",
            "set drop_duplicates to write the training texts without them" if name == TRAIN else "",
            _rows(data, (name, name), repeated),
        )


def _across(data: CheckedData, names: tuple[str, str], repeated: RepeatedRows, nearly: bool) -> Iterator[Finding]:
    (later, earlier), count = (data.splits[name] for name in names), len(repeated.rows)
    if count:
        is_leak = names[1] == TRAIN
        yield Finding(
            f"{_KINDS[nearly]} across splits",
            LEAK if is_leak else WARNING,
            count,
            f"{later.source}: {count:,} of {len(later):,} texts {_VERBS[nearly]} a text of {earlier.source}",
            "set drop_duplicates to leave them out of the training" if is_leak else "remove them from one of both",
            _rows(data, names, repeated),
        )


def _rows(data: CheckedData, names: tuple[str, str], repeated: RepeatedRows) -> tuple[RowNote, ...]:
    split, other = names
    pairs = zip(repeated.rows[:MAX_ROWS].tolist(), repeated.repeated.tolist(), strict=False)
    reasons = {row: f"repeats {data.splits[other].location(earlier)}" for row, earlier in pairs}
    return rows_of(data.splits[split], split, repeated.rows, reasons)
