"""The contract of a check."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from textgraft.data_checks.checked_data import CheckedData
from textgraft.data_checks.finding import Finding


class Check(ABC):
    """A check of data, one per file in `data_checks/checks`."""

    @abstractmethod
    def findings(self, data: CheckedData) -> Iterator[Finding]:
        """What is found, if anything."""
