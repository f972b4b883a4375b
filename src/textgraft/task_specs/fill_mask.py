"""fill-mask: documents without labels; a head from token vectors to the vocabulary."""

from collections.abc import Mapping, Sequence
from typing import Any

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.loading import Source
from textgraft.data.splits import check_documents
from textgraft.data.streams import load_documents, refuse_options
from textgraft.errors import DataError
from textgraft.storage.schema import LAYER_CONFIG, Integer, List, Object
from textgraft.task_specs import ModelSchema, ShapePattern, TaskSpec, dense_shapes, perplexity_schema


class FillMaskSpec(TaskSpec):
    """Masked language modelling."""

    class_path = "textgraft.tasks.fill_mask:MaskFiller"
    labelled = False
    pooled = False
    has_answers = False
    needs = "has_mask_token"

    def load_slices(self, source: Source, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
        refuse_options("fill-mask", reading, "pair")
        return load_documents("fill-mask", source, split, reading)

    def check(self, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        for data in (train, *others):
            if data.paired:
                raise DataError(f"{data.source}: rows are prompts with completions; set text to one of the columns")
        return check_documents(train, *others)

    def weight_shapes(self, settings: Mapping[str, Any], hidden: Sequence[int]) -> Mapping[str, ShapePattern] | None:
        rows, width = settings["table"]
        return {
            **dense_shapes(dense=width),
            **dict.fromkeys(("head/layer_norm/gamma", "head/layer_norm/beta"), (width,)),
            "head/logits/bias": (rows,),
            "token_embedding/embeddings": (rows, width),
        }

    def schema(self, settings: Mapping[str, Any]) -> ModelSchema:
        table = List(Integer(1), min_items=2, max_items=2)
        return perplexity_schema(Object({"table": table, "computation": LAYER_CONFIG}))
