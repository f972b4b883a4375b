"""Excel workbooks, read by openpyxl."""

from collections.abc import Iterator
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Any

from textgraft.data.archives import WorkbookArchive
from textgraft.data.bounds import ROW_BYTES, row_too_large, text_bytes
from textgraft.data.content import foreign_content
from textgraft.data.format import check_width
from textgraft.data.table_files import Record, TableFile
from textgraft.errors import ConfigError, DataError, error_summary

_ERRORS = frozenset({"#N/A", "#NAME?", "#REF!", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!"})
_WORKBOOK = b"PK"
_MAX_ROWS = 1 << 20  # of a sheet of Excel


class Xlsx(TableFile):
    """A sheet, by default the first that is visible and not empty; cells are as Excel shows them, errors are empty."""

    extensions = (".xlsx", ".xlsm")
    file_options = ("header", "sheet")

    @property
    def notices(self) -> tuple[str, ...]:
        used, others = self._sheets
        if not others or self.options.sheet is not None:
            return super().notices
        return (*super().notices, f"{self.source}: the sheet {used.title!r} is read, ignoring {', '.join(others)}")

    @property
    def columns_hint(self) -> str:
        used, others = self._sheets
        return f"; the sheet is {used.title!r}: set sheet to read another ({', '.join(others)})" if others else ""

    def read_records(self) -> Iterator[Record]:
        sheet, _ = self._sheets
        try:
            for position, values in enumerate(sheet.iter_rows(values_only=True), start=1):
                self._archive.start_row()
                if position > _MAX_ROWS:
                    raise DataError(f"{self.location(position)}: a sheet has up to {_MAX_ROWS:,} rows; save it as CSV")
                check_width(self.location(position), values)
                cells = [_cell(value) for value in values]
                if sum(map(text_bytes, cells)) > ROW_BYTES:
                    raise row_too_large(self.location(position))
                yield Record(position, cells if any(cells) else [])
        except DataError:
            raise
        except Exception as error:
            raise self._unreadable(error) from None

    def check(self, record: Record) -> list[str]:
        """The cells of a row, without those beyond the named columns if they are empty."""
        width = len(self.columns)
        cells = record.cells + [""] * (width - len(record.cells))
        return super().check(record._replace(cells=cells if any(cells[width:]) else cells[:width]))

    @cached_property
    def _sheets(self) -> tuple[Any, list[str]]:
        """The sheet to read, and the names of other sheets that are not empty."""
        try:
            import openpyxl.reader.excel as openpyxl_reader
        except ImportError:
            raise ConfigError(
                f"{self.source} needs openpyxl; pip install 'textgraft[xlsx]', or save the sheet as CSV"
            ) from None
        if not Path(self.source).is_file():
            raise DataError(f"{self.source}: no such file; check the name")
        try:
            archive = self._archive
            reader = openpyxl_reader.ExcelReader(self.source, read_only=True, data_only=True, keep_links=False)
            reader.archive.close()
            reader.archive = archive
            reader.read()
            workbook = reader.wb
            sheets = [
                sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible" and self._has_cells(sheet)
            ]
        except DataError:
            raise
        except Exception as error:
            raise self._unreadable(error) from None
        used = (sheets or workbook.worksheets)[0]
        if (name := self.options.sheet) is not None:
            by_name = {sheet.title: sheet for sheet in workbook.worksheets}
            if name not in by_name:
                raise DataError(f"{self.source}: no sheet {name!r}; it has: {', '.join(by_name)}")
            used = by_name[name]
            used.reset_dimensions()
        return used, [sheet.title for sheet in sheets if sheet is not used]

    @cached_property
    def _archive(self) -> WorkbookArchive:
        return WorkbookArchive(self.source)

    def _has_cells(self, sheet: Any) -> bool:
        sheet.reset_dimensions()  # what the file says of them is often wrong
        for values in sheet.iter_rows(values_only=True):
            self._archive.start_row()
            if any(value is not None for value in values):
                return True
        return False

    def _unreadable(self, error: Exception) -> DataError:
        """The error for what openpyxl, its zip and its XML reader raise."""
        with Path(self.source).open("rb") as stream:
            start = stream.read(64)
        content = None if start.startswith(_WORKBOOK) else foreign_content(start)
        problem = content or f"cannot be read as an Excel workbook ({error_summary(error)}); save the table as CSV"
        return DataError(f"{self.source}: {problem}")


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).upper()
        case float() if value.is_integer():
            return str(int(value))
        case datetime() if value.time() == time():
            return value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            text = str(value)
            return "" if text in _ERRORS else text
