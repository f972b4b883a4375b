"""Tab-separated values."""

from textgraft.data.text_files import DelimitedFile


class Tsv(DelimitedFile):
    """Cells between tabs, quoted like those of CSV."""

    extensions = (".tsv", ".tab")
    delimiter = "\t"
