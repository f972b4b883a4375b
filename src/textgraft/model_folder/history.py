"""history.csv: a row per epoch."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.storage.files import read_bounded


def read_history(path: Path, most: int) -> list[dict[str, float]]:
    """The rows, all with the same keys.

    Args:
        path: a CSV file.
        most: how many bytes it may have.

    Raises:
        ModelFolderError: when a cell is no finite number, or a row has another number of cells than the first line.
    """
    try:
        rows = csv.reader(io.StringIO(read_bounded(path, most).decode(), newline=""), strict=True)
        names = next(rows, [])
        return [_record(names, row) for row in rows]
    except (ValueError, csv.Error) as error:
        raise ModelFolderError(f"{path} is damaged: {error}; copy the model folder again") from error


def _record(names: Sequence[str], row: Sequence[str]) -> dict[str, float]:
    if len(row) != len(names):
        raise ValueError(f"it has a row of {len(row)} cells, its first line {len(names)}")
    return {name: _number(cell) for name, cell in zip(names, row, strict=True)}


def _number(cell: str) -> float:
    if not math.isfinite(float(cell)):
        raise ValueError(f"it holds the number {cell:.20}")
    return int(cell) if cell.isdecimal() else float(cell)
