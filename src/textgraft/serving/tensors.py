"""Named arrays as JSON, for protocols that answer with tensors."""

from typing import Any

import numpy as np

from textgraft.export.format import Answers


def as_column(values: np.ndarray) -> list[Any]:
    """An array as nested lists; bytes as text."""
    return values.tolist()  # type: ignore[no-any-return]


def as_rows(arrays: Answers) -> list[Any]:
    """An object of named values for each text; the values alone where there is one name."""
    columns = {name: as_column(values) for name, values in arrays.items()}
    if len(columns) == 1:
        return next(iter(columns.values()))
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
