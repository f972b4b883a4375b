"""Comma-separated values."""

from textgraft.data.text_files import DelimitedFile


class Csv(DelimitedFile):
    """Cells between commas."""

    extensions = (".csv",)
    delimiter = ","
