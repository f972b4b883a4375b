"""fill-mask: documents."""

from typing import Any

from textgraft.data.dataset import Dataset
from textgraft.data.documents import check_documents, load_documents
from textgraft.data.reading import Reading
from textgraft.data.tasks.base import TaskData
from textgraft.errors import ConfigError, DataError


class FillMaskData(TaskData):
    """Texts without labels."""

    labelled = False

    @classmethod
    def load_parts(cls, source: str, split: str | None, how: Reading) -> tuple[Dataset, ...]:
        """Texts alone; where nobody said what to do about empty ones, they are left out and counted.

        Raises:
            ConfigError: for a label, or a second text.
        """
        if how.pair is not None:
            raise ConfigError(f"pair {how.pair!r}: fill-mask takes one text of a row; leave it out")
        return load_documents("fill-mask", source, split, how)

    @classmethod
    def check(cls, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        """There is something to judge epochs by, and no row has a second text."""
        for part in (train, *others):
            if part.paired:
                raise DataError(f"{part.source}: prompts with completions; name the column of the texts with text")
        return check_documents(train, *others)

    @classmethod
    def settings(cls, train: Dataset) -> dict[str, Any]:
        """Nothing."""
        return {}
