"""token-classification: texts with labelled spans."""

from collections.abc import Sequence
from typing import Any

from textgraft.data.checks import shared_texts
from textgraft.data.columns import are_tagged
from textgraft.data.reading import Reading
from textgraft.data.tagged import TaggedDataset, load_tagged_parts
from textgraft.data.tasks.base import TaskData
from textgraft.errors import DataError


class TokenClassificationData(TaskData):
    """Words and their tags, or texts and their entities."""

    @classmethod
    def recognizes(cls, columns: Sequence[str]) -> bool:
        """Whether there are words and tags, or text and entities."""
        return are_tagged(columns)

    @classmethod
    def load_parts(cls, source: str, split: str | None, how: Reading) -> tuple[TaggedDataset, ...]:  # type: ignore[override]
        """Parts as `TaggedDataset`."""
        return load_tagged_parts(source, split, how)

    @classmethod
    def check(cls, train: TaggedDataset, *others: TaggedDataset) -> tuple[str, ...]:  # type: ignore[override]
        """At least one labelled span, and no other label in the other sets."""
        if not train.label_names:
            raise DataError(f"{train.source}: no span is labelled; training needs some")
        for other in others:
            other.require_labels(train.label_names)
        return shared_texts([part.data for part in (train, *others)])

    @classmethod
    def settings(cls, train: TaggedDataset) -> dict[str, Any]:  # type: ignore[override]
        """The labels, and the splitting that suits what the source has: words with tags, or offsets into texts."""
        return {"labels": train.label_names, "splitting": "signs" if train.scheme is None else "edges"}

    @classmethod
    def trials(cls, part: TaggedDataset) -> int:  # type: ignore[override]
        """The labelled spans."""
        return max(1, sum(part.counts().values()))
