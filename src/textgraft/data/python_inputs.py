"""Python objects that hold texts or labels: lists, arrays, series, tensors, generators, read value by value.

pandas, polars and TensorFlow are not imported: their objects are recognized by their methods.
"""

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Set
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from textgraft.data.tables import is_table
from textgraft.errors import ConfigError, DataError, TextgraftError, error_summary

_CHUNK = 1024
_SEQUENCES = "a list, tuple, array, Series, Arrow array or generator"
_REFUSED = (str, bytes, bytearray, memoryview, Mapping, Set, io.IOBase, type)


def type_name(value: Any) -> str:
    """The type of an object for messages, such as "pandas.DataFrame"."""
    module, _, _ = type(value).__module__.partition(".")
    return type(value).__qualname__ if module == "builtins" else f"{module}.{type(value).__qualname__}"


def conversion(value: Any) -> str:
    """How an object that is not taken becomes a table, as the end of a message; empty where that is unknown."""
    if hasattr(type(value), "collect_schema"):
        return "; pass its collect()"
    is_records = isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)
    is_columns = isinstance(value, Mapping) and bool(value) and all(hasattr(type(v), "__len__") for v in value.values())
    return "; pass a pandas.DataFrame of it" if is_records or is_columns else ""


def one_line(value: Any) -> str:
    """A short `repr` without line breaks, for messages."""
    return f"{' '.join(repr(value).split()):.60}"


def as_path(path: Any, name: str) -> Path:
    """A path; a ConfigError for another object, which `name` describes in the message."""
    try:
        return Path(path)  # refuses bytes
    except Exception as error:
        raise ConfigError(f"{name} must be a path, not {type_name(path)}") from error


def is_source(data: Any) -> bool:
    """Whether an object is a table, or the splits of a table by name, or a path; a string is not."""
    if isinstance(data, Mapping):
        return bool(data) and all(isinstance(name, str) and is_table(part) for name, part in data.items())
    return isinstance(data, os.PathLike) or is_table(data)


def is_tensor_dataset(data: Any) -> bool:
    """Whether an object is a `tf.data.Dataset`."""
    return hasattr(type(data), "as_numpy_iterator")


def is_missing(value: Any) -> bool:
    """Whether a value is None, NaN or one of pandas' missing values."""
    is_nan = isinstance(value, float | np.floating) and bool(value != value)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


def values_of(values: Any, name: str, taken: str = _SEQUENCES) -> Iterator[Any]:
    """The values of an object in order, as Python objects; an array (n, 2) yields lists, a `tf.data.Dataset` tuples.

    `name` is that of the values in messages, and `taken` describes the objects that the caller takes.

    Raises:
        DataError: naming the type of an object that has no order, is no sequence or cannot be read.
    """
    if isinstance(values, _REFUSED) or is_source(values) or not _is_sequence(values):
        raise DataError(f"{name} must be {taken}, not {type_name(values)}{conversion(values)}")
    row = 0
    try:
        for row, value in enumerate(_iterate(values), start=1):  # noqa: B007
            yield value
    except TextgraftError:
        raise
    except Exception as error:
        raise DataError(
            f"{name}: {type_name(values)} cannot be read after row {row} ({type(error).__name__}: "
            f"{error_summary(error)}); pass {taken}"
        ) from error


def tensor_rows(dataset: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of a `tf.data.Dataset`, batched or not, whose elements are scalars or tuples of scalars.

    Raises:
        DataError: for elements of another shape.
    """
    for element in dataset.as_numpy_iterator():
        parts = [np.asarray(part) for part in (element if isinstance(element, tuple) else (element,))]
        if len({part.shape for part in parts}) > 1 or parts[0].ndim > 1 or parts[0].dtype.kind not in "OSU":
            shapes = " and ".join(f"{part.dtype} {part.shape}" for part in parts)
            raise DataError(f"tf.data.Dataset: elements of {shapes}; map them to (text, label) with one label a text")
        yield from zip(*(map(_decode, np.atleast_1d(part).tolist()) for part in parts), strict=True)


def _iterate(values: Any) -> Iterator[Any]:
    kind = type(values)
    if is_tensor_dataset(values):
        return tensor_rows(values)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        chunks = (values.slice(start, _CHUNK).to_pylist() for start in range(0, len(values), _CHUNK))
        return chain.from_iterable(chunks)
    if hasattr(kind, "__array__") and not hasattr(kind, "__arrow_c_stream__"):
        return _array_values(np.asanyarray(values))
    return iter(values)


def _is_sequence(values: Any) -> bool:
    return isinstance(values, Iterable) or hasattr(type(values), "__array__") or is_tensor_dataset(values)


def _array_values(array: np.ndarray) -> Iterator[Any]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # one column of a table
    if array.ndim != 1 and (array.ndim != 2 or array.shape[1] != 2):
        raise ValueError(f"its shape is {array.shape}; use (n,), or (n, 2) for pairs")
    for start in range(0, len(array), _CHUNK):
        yield from map(_decode, array[start : start + _CHUNK].tolist())


def _decode(value: Any) -> Any:
    """Bytes, as tensors hold strings, to a string."""
    return value.decode() if isinstance(value, bytes) else value
