"""Options for reading a file, which a format takes in `Format.open`.

Importing this file does not import numpy or pyarrow.
"""

from dataclasses import dataclass

from textgraft.errors import ConfigError
from textgraft.options import CheckedOptions, option, option_fields

AUTO = "auto"
NO_HEADER, HEADER = "none", "first"

_DELIMITER_NAMES = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_NOT_DELIMITERS = '"\r\n\0'


@dataclass(frozen=True)
class FileOptions(CheckedOptions):
    """How the bytes of a file become cells; a format refuses those that it does not honour."""

    encoding: str = option("utf-8", "Encoding of text files; auto for the likely one.", panel="Data")
    delimiter: str | None = option(
        None, "Character between the cells of CSV and TSV files, such as ';' or tab.", panel="Data",
        shown_default="found in the first rows",
    )  # fmt: skip
    quotes: bool | None = option(
        None,
        "Quotes in CSV and TSV files: around cells, or (--no-quotes) ordinary characters.",
        panel="Data",
        shown_default="around cells, but a cell that looks like rows is refused",
    )
    header: str | None = option(
        None,
        "Column names of CSV and TSV files: first (the first row) or none (columns are named 1, 2, ...).",
        panel="Data",
        shown_default="first, but a first row that is evidently data is refused",
        choices=(HEADER, NO_HEADER),
    )
    sheet: str | None = option(
        None, "Sheet of an Excel workbook.", panel="Data", shown_default="the first that is visible and not empty"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            b"a".decode("utf-8" if self.encoding == AUTO else self.encoding, "ignore")
        except (LookupError, UnicodeError):
            raise ConfigError(
                f"encoding {self.encoding!r} is unknown; use for instance utf-8, latin-1 or cp1252"
            ) from None
        if self.delimiter is not None:
            delimiter = _DELIMITER_NAMES.get(self.delimiter, self.delimiter)
            if len(delimiter) != 1 or delimiter in _NOT_DELIMITERS:
                raise ConfigError(f"delimiter must be one character, such as ';' or tab, not {self.delimiter!r}")
            object.__setattr__(self, "delimiter", delimiter)


FILE_OPTIONS = tuple(option_fields(FileOptions))
