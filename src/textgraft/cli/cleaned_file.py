"""The file of training rows that remain after a check, with all columns of their source."""

from pathlib import Path

import numpy as np

from textgraft.cli.inputs import read_columns
from textgraft.cli.output.files import Destination
from textgraft.cli.output.source_columns import SourceColumns
from textgraft.cli.output.tables import name_columns, open_table
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.input_rows import InputRows
from textgraft.errors import ConfigError, DataError

_ROWS = 1024  # read and written at a time


def read_source(data: str, split: str | None, reading: Reading, train: Dataset) -> InputRows:
    """The rows of a split with all their columns; a ConfigError where it is no table."""
    rows = read_columns(train, data, split, reading)
    if not rows.copied:
        raise ConfigError(f"{rows.source} has no columns to write; drop --out, and remove the rows that --json names")
    return rows


def write_remaining(rows: InputRows, train: Dataset, dropped: np.ndarray, path: Path) -> int:
    """Write the training rows but some, to a new file; returns their number.

    Raises:
        DataError: when no row remains, the file exists or cannot be written, or the source has other rows than before.
    """
    remaining = train.take(np.setdiff1d(np.arange(len(train)), dropped))
    if not len(remaining):
        raise DataError(f"{train.source}: none of its {len(train):,} rows remains; {path} is not written")
    source = SourceColumns(rows)
    with open_table(Destination(path), name_columns(rows.source, rows.copied, [], rows.copied_as_json)) as table:
        for part in remaining.windows(_ROWS):
            table.write(source.take(remaining.take(part)), [])
    return len(remaining)
