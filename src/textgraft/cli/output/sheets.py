"""Excel files, written row by row."""

from collections.abc import Iterable
from typing import Any, BinaryIO

from textgraft.errors import ConfigError, DataError

_MAX_ROWS, _MAX_CHARACTERS = 1_048_576, 32_767


class SheetTable:
    """An Excel file of one sheet, in which strings are never formulas."""

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
        self._file, self._cell, self._rows = file, WriteOnlyCell, 0
        self._workbook = Workbook(write_only=True)
        self._sheet = self._workbook.create_sheet("predictions")

    def append(self, row: Iterable[Any]) -> None:
        """Add a row of strings, numbers and None.

        Raises:
            DataError: for a row or a cell that a sheet cannot hold.
        """
        self._rows += 1
        if self._rows > _MAX_ROWS:
            raise DataError(f"a sheet holds {_MAX_ROWS:,} rows; write .csv or .parquet")
        self._sheet.append([self._to_cell(value) for value in row])

    def close(self) -> None:
        """Write the file."""
        self._workbook.save(self._file)

    def discard(self) -> None:
        """End the sheet without writing the file."""
        self._sheet.close()

    def _to_cell(self, value: Any) -> Any:
        from openpyxl.utils.exceptions import IllegalCharacterError

        if not isinstance(value, str):
            return value
        if len(value) > _MAX_CHARACTERS:
            raise DataError(
                f"row {self._rows}: a text of {len(value):,} characters, and a cell holds {_MAX_CHARACTERS:,}; write "
                ".csv or .parquet"
            )
        try:
            cell = self._cell(self._sheet, value)
        except IllegalCharacterError:
            raise DataError(f"row {self._rows}: a control character, which .xlsx cannot hold; write .csv") from None
        cell.data_type = "s"  # openpyxl takes a string that begins with = for a formula
        return cell
