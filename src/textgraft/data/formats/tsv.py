"""Tab-separated values."""

from textgraft.data.delimited import Delimited


class Tsv(Delimited):
    """Cells between tabs, quoted like those of CSV."""

    endings = (".tsv", ".tab")
    delimiter = "\t"
