"""text-generation: documents, or prompts and their completions; the head is part of the backbone."""

from collections.abc import Mapping, Sequence
from typing import Any

from textgraft.data.columns import COMPLETION, PROMPT
from textgraft.data.dataset import Dataset
from textgraft.data.loading import load_documents
from textgraft.data.reading import Reading
from textgraft.data.validation import check_documents
from textgraft.errors import DataError
from textgraft.storage.schema import NUMBER, Object, integer
from textgraft.task_specs import ModelSchema, TaskSpec


class TextGenerationSpec(TaskSpec):
    """Causal language modelling."""

    class_path = "textgraft.tasks.text_generation:TextGenerator"
    labelled = False

    @classmethod
    def matches_columns(cls, columns: Sequence[str]) -> bool:
        return {PROMPT, COMPLETION} <= set(columns)

    @classmethod
    def load_parts(cls, source: str, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
        """Texts alone; empty ones are dropped and counted unless `reading.empty` says otherwise.

        Raises:
            ConfigError: for a label column.
            DataError: when the source is missing or malformed.
        """
        return load_documents("text-generation", source, split, reading)

    @classmethod
    def check(cls, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        for other in others:
            if other.paired != train.paired:
                raise DataError(f"{other.source}: either all sets have completions or none; name the column with pair")
        return check_documents(train, *others)

    @classmethod
    def schema(cls, settings: Mapping[str, Any]) -> ModelSchema:
        return ModelSchema(
            settings=Object({}),
            validation=Object({"val_loss": NUMBER, "val_perplexity": NUMBER}, others=NUMBER),
            test=Object({"texts": integer(1), "tokens": integer(1), "loss": NUMBER, "perplexity": NUMBER}),
            headline=("perplexity",),
        )

    @classmethod
    def usage(cls, settings: Mapping[str, Any]) -> str:
        return 'generate(["a text"])'
