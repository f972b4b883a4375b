"""Whether validation and test texts differ from the training texts: in labels, lengths and words."""

from collections.abc import Iterator

from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import TRAIN, CheckedData
from textgraft.data_checks.drift_tests import TwoSampleTest, compare_labels, compare_lengths, compare_words
from textgraft.data_checks.finding import NOTE, WARNING, Finding


class Drift(Check):
    """Drift between the training texts and each other split, by permutation tests."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        for name, dataset in data.splits.items():
            if name == TRAIN:
                continue
            tests = [compare_lengths(data.train, dataset, data.seed), compare_words(data.train, dataset, data.seed)]
            if data.has_categories:
                tests.insert(0, compare_labels(data.train, dataset, data.seed))
            drifted = [test for test in tests if test.is_drift]
            for test in drifted:
                yield Finding(
                    f"drift of {test.subject}",
                    WARNING,
                    len(dataset),
                    f"{dataset.source}: its {test.subject} differ from those of {data.train.source}: {test}",
                    "its score says little about the training texts; compare where both come from",
                )
            if not drifted:
                yield Finding("no drift", NOTE, 0, _no_drift(dataset.source, data.train.source, tests))


def _no_drift(source: str, train: str, tests: list[TwoSampleTest]) -> str:
    subjects = ", ".join(f"{test.subject} ({test})" for test in tests)
    return f"{source}: no drift from {train} in {subjects}"
