"""Model folders as models of MLflow's python_function flavor, which `train --log mlflow` stores.

MLflow calls `_load_pyfunc`, which the file MLmodel names; no code or pickle is stored beside the model folder.
https://mlflow.org/docs/latest/ml/model/#loader-module
"""

from collections.abc import Iterable, Mapping
from importlib import import_module
from itertools import chain
from typing import Any

import numpy as np

from textgraft.errors import DataError

_TEXT, _PAIR = "text", "pair"
_ANSWERS = 2  # columns: the prediction and its probability, beside those between them


class PyfuncModel:
    """A model folder as MLflow calls it."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        """The answers to texts as a `pandas.DataFrame`, with the columns that `textgraft predict` writes.

        Args:
            model_input: a DataFrame with the column text, and for pairs the column pair; or an array or list of texts.
            params: not used.

        Raises:
            DataError: for another object.
        """
        frame: Any = import_module("pandas").DataFrame  # MLflow needs it
        texts = self._texts(model_input)
        if self._model.name == "text-generation":
            return frame({_TEXT: self._model.generate(texts)})
        extra = getattr(self._model.objective, "extra_columns", ())
        names = self._model.objective.answer_columns[: _ANSWERS + len(extra)]
        parts = self._model.answers(self._model.text_batches(texts))
        columns = [list(chain.from_iterable(cells)) for cells in zip(*parts, strict=True)] or [[] for _ in names]
        return frame({name: list(map(_plain, cells)) for name, cells in zip(names, columns, strict=False)})

    def _texts(self, model_input: Any) -> list[Any]:
        columns = getattr(model_input, "columns", None)
        if columns is None:
            if isinstance(model_input, str | bytes | Mapping) or not isinstance(model_input, Iterable):
                kind = type(model_input).__name__
                raise DataError(f"the input must be a DataFrame with the column text, or a list of texts, not {kind}")
            rows = (row.tolist() if isinstance(row, np.ndarray) else row for row in model_input)
            return [row[0] if isinstance(row, list | tuple) and len(row) == 1 else row for row in rows]
        names = [_TEXT, _PAIR] if self._model.pairs else [_TEXT]
        if absent := [name for name in names if name not in columns]:
            raise DataError(f"the input has no column {absent[0]!r}; it has: {', '.join(map(str, columns))[:200]}")
        values = [model_input[name].tolist() for name in names]
        return list(zip(*values, strict=True)) if self._model.pairs else values[0]


def _load_pyfunc(data_path: str) -> PyfuncModel:
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    from textgraft.tasks.loading import load

    return PyfuncModel(load(data_path, trainable=False))


def _plain(cell: Any) -> Any:
    """An answer as JSON values: entities as mappings."""
    return [item._asdict() if hasattr(item, "_asdict") else item for item in cell] if isinstance(cell, list) else cell
