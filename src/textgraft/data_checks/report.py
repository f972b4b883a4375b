"""The report of all checks of a dataset."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from textgraft import registry
from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import CheckedData
from textgraft.data_checks.finding import LEAK, SEVERITIES, Finding
from textgraft.data_checks.label_facts import TextFacts
from textgraft.errors import counted

_CHECKS = "data_checks.checks"


@dataclass(frozen=True)
class DataReport:
    """What checks of a dataset found.

    Attributes:
        texts: number of texts of each split.
        sources: source of each split.
        findings: the most severe first.
        labels: facts about the training texts of each label.
    """

    texts: Mapping[str, int]
    sources: Mapping[str, str]
    findings: tuple[Finding, ...]
    labels: Mapping[str, TextFacts]

    @property
    def leaks(self) -> tuple[Finding, ...]:
        """Findings of texts that are in the training set and in another one."""
        return tuple(finding for finding in self.findings if finding.severity == LEAK)

    def of_kind(self, kind: str) -> tuple[Finding, ...]:
        """Findings of a kind, such as "exact duplicates"."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def summary(self) -> str:
        """A line of how many findings of each severity there are."""
        counts = {name: sum(finding.severity == name for finding in self.findings) for name in SEVERITIES}
        findings = ", ".join(counted(count, name) for name, count in counts.items() if count) or "nothing found"
        return f"{', '.join(f'{name} {rows:,}' for name, rows in self.texts.items())} texts: {findings}"

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "texts": dict(self.texts),
            "sources": dict(self.sources),
            "findings": [finding.to_json() for finding in self.findings],
            "labels": {label: asdict(facts) for label, facts in self.labels.items()},
        }

    def __str__(self) -> str:
        lines = (f"{finding.severity}: {finding.message}" for finding in self.findings)
        return "\n".join([self.summary(), *lines])


def run_checks(data: CheckedData) -> DataReport:
    """Run all checks."""
    checks = [registry.implementation(_CHECKS, name, Check)() for name in registry.names(_CHECKS)]
    findings = [finding for check in checks for finding in check.findings(data)]
    findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    sizes = {name: len(split) for name, split in data.splits.items()}
    sources = {name: split.source for name, split in data.splits.items()}
    return DataReport(sizes, sources, tuple(findings), data.label_facts.by_label)
