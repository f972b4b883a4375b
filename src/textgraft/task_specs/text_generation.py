"""text-generation: documents, or prompts and their completions; the head is part of the backbone."""

from collections.abc import Mapping, Sequence
from typing import Any

from textgraft.data.columns import COMPLETION, PROMPT, Reading
from textgraft.data.dataset import Dataset
from textgraft.data.format import Format
from textgraft.data.loading import Source
from textgraft.data.splits import check_documents
from textgraft.data.streams import load_documents
from textgraft.errors import DataError
from textgraft.storage.schema import Object
from textgraft.task_specs import ModelSchema, ShapePattern, TaskSpec, perplexity_schema


class TextGenerationSpec(TaskSpec):
    """Causal language modelling."""

    class_path = "textgraft.tasks.text_generation:TextGenerator"
    labelled = False
    pooled = False
    has_answers = False
    needs = "is_causal"

    def matches(self, reader: Format, reading: Reading) -> bool:
        return {PROMPT, COMPLETION} <= set(reader.columns)

    def load_slices(self, source: Source, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
        return load_documents("text-generation", source, split, reading)

    def check(self, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        for other in others:
            if other.paired != train.paired:
                raise DataError(
                    f"{other.source}: only some sets have completions; set pair to their column, or text to the prompts"
                )
        return check_documents(train, *others)

    def weight_shapes(self, settings: Mapping[str, Any], hidden: Sequence[int]) -> Mapping[str, ShapePattern] | None:
        return {}

    def schema(self, settings: Mapping[str, Any]) -> ModelSchema:
        return perplexity_schema(Object({}))

    def usage(self, settings: Mapping[str, Any]) -> str:
        return 'generate(["a text"])'
