"""Comma-separated values."""

from textgraft.data.delimited import Delimited


class Csv(Delimited):
    """Cells between commas."""

    endings = (".csv",)
    delimiter = ","
