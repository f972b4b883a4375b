"""Options for reading a file, which a format takes in `Format.open`.

Importing this file does not import numpy or pyarrow.
"""

import codecs
from dataclasses import dataclass

from textgraft.errors import ConfigError
from textgraft.options import CheckedOptions, option, option_fields

NO_HEADER, HEADER = "none", "first"

_DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_NOT_DELIMITERS = '"\r\n\0'


@dataclass(frozen=True)
class FileOptions(CheckedOptions):
    """How the bytes of a file become cells; a format refuses those that it does not honour."""

    encoding: str = option("utf-8", "Encoding of text files.", panel="Data")
    delimiter: str | None = option(
        None, "Character between the cells of CSV and TSV files, such as ';' or tab.", panel="Data",
        shown_default="that of the extension",
    )  # fmt: skip
    quotes: bool = option(True, "Read quotes in CSV and TSV files as ordinary characters.", panel="Data")
    header: str | None = option(
        None,
        "Column names of CSV and TSV files: first (the first row) or none (columns are named 1, 2, ...).",
        panel="Data",
        shown_default="first",
        choices=(HEADER, NO_HEADER),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ConfigError(
                f"encoding {self.encoding!r} is unknown; use for instance utf-8, latin-1 or cp1252"
            ) from None
        if self.delimiter is not None:
            delimiter = _DELIMITER_NAMES.get(self.delimiter, self.delimiter)
            if len(delimiter) != 1 or delimiter in _NOT_DELIMITERS:
                raise ConfigError(f"delimiter must be one character, such as ';' or tab, not {self.delimiter!r}")
            object.__setattr__(self, "delimiter", delimiter)


FILE_OPTIONS = tuple(option_fields(FileOptions))
