"""Tab-separated values."""

from textgraft.data.delimited import DelimitedFile


class Tsv(DelimitedFile):
    """Cells between tabs, quoted like those of CSV."""

    extensions = (".tsv", ".tab")
    delimiter = "\t"
