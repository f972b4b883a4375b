"""Answers of a model for a window of rows."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from textgraft.data.streams import texts_of
from textgraft.data.tagged import tagged_texts

if TYPE_CHECKING:
    from textgraft.training.token_ids import TruncationCount

CLASSIFICATION, ENTITIES = "text-classification", "token-classification"


def answer_count(objective: Any, probabilities: int | None) -> int | None:
    """Number of columns of answers: the prediction, those beside it, and probabilities; None for all.

    `probabilities` is 1 for no probability, 2 for that of the prediction, None for those of all labels.
    """
    return None if probabilities is None else probabilities + len(getattr(objective, "extra_columns", ()))


def window_answers(model: Any, window: pa.RecordBatch, truncated: "TruncationCount") -> list[Sequence[Any]]:
    """The cells of each of the objective's `answer_columns` for a window of rows; `truncated` counts dropped tokens."""
    if model.name == ENTITIES:
        return [model.entities(tagged_texts(window))]
    parts = model.answers([texts_of(window).inputs], truncated)
    return [list(chain.from_iterable(cells)) for cells in zip(*parts, strict=True)]
