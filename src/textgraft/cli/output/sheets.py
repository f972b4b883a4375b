"""Excel files, written row by row."""

import re
from collections.abc import Iterable
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from textgraft.cli.output.log import log
from textgraft.errors import ConfigError, DataError, counted

_MAX_ROWS, _MAX_CHARACTERS = 1_048_576, 32_767
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


class SheetTable:
    """An Excel file of one sheet, in which strings are never formulas.

    Strings are cut to the length of a cell, and control characters replaced; both are logged.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Begin a sheet.

        Raises:
            ConfigError: when openpyxl is not installed.
        """
        try:
            from openpyxl import Workbook
            from openpyxl.cell import WriteOnlyCell
        except ImportError:
            raise ConfigError(".xlsx needs openpyxl; pip install 'textgraft[xlsx]'") from None
        self._file, self._cell = file, WriteOnlyCell
        self._rows = self._shortened = self._replaced = 0
        self._workbook = Workbook(write_only=True)
        self._sheet = self._workbook.create_sheet("predictions")

    def append(self, row: Iterable[Any]) -> None:
        """Add a row of strings, numbers and None.

        Raises:
            DataError: for more rows than a sheet holds.
        """
        self._rows += 1
        if self._rows > _MAX_ROWS:
            raise DataError(f"a sheet holds {_MAX_ROWS:,} rows; write .csv or .parquet")
        self._sheet.append([self._to_cell(value) for value in row])

    def close(self) -> None:
        """Write the file, and log what it could not hold."""
        from openpyxl.writer.excel import ExcelWriter

        # Workbook.save does not close its archive after an error, which Python then tries, and reports.
        with ZipFile(self._file, "w", ZIP_DEFLATED) as archive:
            ExcelWriter(self._workbook, archive).save()
        if self._shortened:
            cut = counted(self._shortened, "text")
            log(f"{cut} cut to the {_MAX_CHARACTERS:,} characters of a cell; .csv holds all")
        if self._replaced:
            replaced = counted(self._replaced, "text")
            log(f"control characters replaced in {replaced}, since .xlsx cannot hold them; .csv can")

    def discard(self) -> None:
        """End the sheet without writing the file."""
        self._sheet.close()

    def _to_cell(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        self._shortened += len(value) > _MAX_CHARACTERS
        plain = _CONTROLS.sub("\ufffd", value)
        self._replaced += plain != value
        cell = self._cell(self._sheet, plain[:_MAX_CHARACTERS])
        cell.data_type = "s"  # openpyxl takes a string that begins with = for a formula
        return cell
