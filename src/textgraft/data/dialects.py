"""How the cells of delimited files are separated, by their first lines."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from textgraft.data.bounds import MAX_COLUMNS, sample, text_bytes
from textgraft.data.columns import is_column_name
from textgraft.data.encodings import likely_encoding
from textgraft.data.file_options import FileOptions
from textgraft.data.format import is_lines_file
from textgraft.data.table_files import data_in_header
from textgraft.data.text_files import TextLines, read_chunks

# The rarer in texts, the earlier.
DELIMITERS = {"\t": "tabs", "|": "bars", ";": "semicolons", ",": "commas"}
SAMPLE_LINES = 1000
SPACES = " \t\u00a0\u3000"

_RARE_DELIMITERS = ("\x01", "^", "~")
_MAX_START = 1 << 16  # bytes


class Dialect(NamedTuple):
    """How the cells of a file are separated and quoted."""

    delimiter: str
    quotes: bool
    spaces: bool = False  # whether spaces after a delimiter are ignored

    def read(self, lines: Iterator[str] | Sequence[str], strict: bool = False) -> Iterator[list[str]]:
        quote = '"' if self.quotes else None
        return csv.reader(lines, delimiter=self.delimiter, quotechar=quote, skipinitialspace=self.spaces, strict=strict)


def find_delimiter(lines: Sequence[str], usual: Dialect) -> str:
    """The delimiter of a table with these first lines: the usual one, unless another fits better.

    Another fits where nine of ten rows have as many cells as the first, more than one, and it fits better than the
    usual one, or as well and is rarer in texts.
    """
    names = (*_RARE_DELIMITERS, *DELIMITERS, usual.delimiter)
    shares = {name: agreement(lines, usual._replace(delimiter=name)) for name in names}
    best = max(shares, key=lambda name: shares[name])  # the first of equals
    return best if shares[best] >= 0.9 else usual.delimiter


def likely_format(source: str, options: FileOptions) -> str | None:
    """The format that a text file of unknown extension looks like: json, csv, tsv, or None.

    Raises:
        DataError: when the file cannot be read as text.
    """
    lines: list[str] = sample(iter(TextLines(source, options.encoding)), text_bytes, SAMPLE_LINES)
    if lines and lines[0].lstrip().startswith(("{", "[")):
        return "json"
    dialect = Dialect(",", options.quotes is not False)
    delimiter = find_delimiter(lines, dialect)
    if agreement(lines, dialect._replace(delimiter=delimiter)) < 0.9:
        return None
    return "tsv" if delimiter == "\t" else "csv"


def table_delimiter(source: str) -> str | None:
    """The delimiter of a table in a file with the extension of plain text, by its first lines; else None.

    The first line names columns, or all lines have as many tabs and the first is evidently data.
    """
    if not is_lines_file(source) or not Path(source).is_file():
        return None
    start = next(read_chunks(source), b"")[:_MAX_START]
    text = start.decode(likely_encoding(start) or "latin-1", "replace").lstrip("\ufeff")
    lines = text.splitlines()
    if not lines or (delimiter := names_delimiter(lines[0])):
        return delimiter if lines else None
    first, *rows = [line.split("\t") for line in (lines if len(start) < _MAX_START else lines[:-1])] or [[]]
    is_table = len(first) > 1 and len(rows) > 1 and all(len(row) == len(first) for row in rows)
    return "\t" if is_table and data_in_header(first, rows) else None


def names_delimiter(line: str) -> str | None:
    """The delimiter of a line that names columns of texts and labels; None for another line."""
    for delimiter in DELIMITERS:
        cells = [cell.strip(SPACES + '"') for cell in line.split(delimiter)]
        known = sum(map(is_column_name, filter(None, cells)))
        if len(cells) > 1 and known > (delimiter == ","):  # a comma is in sentences too
            return delimiter
    return None


def agreement(lines: Sequence[str], dialect: Dialect) -> float:
    """The share of rows that have as many cells as the first; 0 where that has one cell."""
    records = first_records(lines, dialect)
    if not records or len(records[0]) < 2:
        return 0.0
    return sum(len(cells) == len(records[0]) for cells in records) / len(records)


def first_records(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """The rows in a sample of lines, up to the first that is malformed or too wide."""
    records: list[list[str]] = []
    try:
        for cells in dialect.read(lines):
            if len(cells) > MAX_COLUMNS:
                break
            if cells:
                records.append(cells)
    except csv.Error:
        pass
    return records
