"""Comma-separated values."""

from textgraft.data.delimited import DelimitedFile


class Csv(DelimitedFile):
    """Cells between commas."""

    extensions = (".csv",)
    delimiter = ","
