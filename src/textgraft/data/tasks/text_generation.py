"""text-generation: documents, or prompts and their completions."""

from collections.abc import Sequence
from typing import Any

from textgraft.data.columns import COMPLETION, PROMPT
from textgraft.data.dataset import Dataset
from textgraft.data.documents import check_documents, load_documents
from textgraft.data.reading import Reading
from textgraft.data.tasks.base import TaskData
from textgraft.errors import DataError


class TextGenerationData(TaskData):
    """Texts without labels."""

    labelled = False

    @classmethod
    def recognizes(cls, columns: Sequence[str]) -> bool:
        """Columns of prompts and completions."""
        return {PROMPT, COMPLETION} <= set(columns)

    @classmethod
    def load_parts(cls, source: str, split: str | None, how: Reading) -> tuple[Dataset, ...]:
        """Texts alone; where nobody said what to do about empty ones, they are left out and counted.

        Raises:
            ConfigError: for a label.
        """
        return load_documents("text-generation", source, split, how)

    @classmethod
    def check(cls, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        """All sets are of one kind, and there is something to judge epochs by."""
        for other in others:
            if other.paired != train.paired:
                raise DataError(f"{other.source}: either all sets have completions or none; name the column with pair")
        return check_documents(train, *others)

    @classmethod
    def settings(cls, train: Dataset) -> dict[str, Any]:
        """Nothing."""
        return {}
