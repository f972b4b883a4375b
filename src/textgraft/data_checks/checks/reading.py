"""What reading the data showed, such as empty texts that were dropped."""

from collections.abc import Iterator

from textgraft.data_checks.check import Check
from textgraft.data_checks.checked_data import CheckedData
from textgraft.data_checks.finding import NOTE, Finding


class ReadingNotices(Check):
    """Notices of the readers."""

    def findings(self, data: CheckedData) -> Iterator[Finding]:
        for split in data.splits.values():
            for notice in split.notices:
                yield Finding("reading", NOTE, 0, notice)
