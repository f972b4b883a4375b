"""Layout of tables on narrow terminals: numbers and names are not broken."""

import re

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table

from textgraft.data.scripts import UNSPACED

# Wider columns are wrapped between words.
_MIN_WRAPPED_WIDTH = 12

# What is not broken; in scripts without spaces, a character.
_WORD = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")


def fit_tables(result: RenderableType, width: int) -> int:
    """Set the column widths of tables that are wider than `width`; returns the width that the widest table needs."""
    if isinstance(result, Group):
        return max((fit_tables(part, width) for part in result.renderables), default=0)
    if not (isinstance(result, Table) and result.columns):
        return 0
    cells = [[str(cell) for cell in column.cells] for column in result.columns]
    titled = [[str(column.header), *column_cells] for column, column_cells in zip(result.columns, cells, strict=True)]
    widths, borders = [_widest(texts) for texts in titled], 3 * len(cells) + 1
    if sum(widths) + borders <= width:
        return 0
    smallest = [_smallest(texts, width // 2) for texts in titled]
    if sum(smallest) + borders > width:
        result.box, result.show_edge, result.padding = box.SIMPLE_HEAD, False, 0
        borders = len(cells) - 1
    if sum(smallest) + borders > width:  # titles may be broken, as those of a confusion matrix
        smallest = [_smallest(texts, width // 2) for texts in cells]
    _shrink(widths, smallest, width - borders)
    for column, column_width in zip(result.columns, widths, strict=True):
        column.width, column.overflow = column_width, "fold"
    return sum(widths) + borders


def _shrink(widths: list[int], smallest: list[int], total: int) -> None:
    """Reduce the widest columns to the total, as far as their smallest widths allow."""
    while sum(widths) > total and (wider := [index for index, limit in enumerate(smallest) if widths[index] > limit]):
        widths[max(wider, key=widths.__getitem__)] -= 1


def _smallest(texts: list[str], limit: int) -> int:
    widest = _widest(texts)
    if widest <= _MIN_WRAPPED_WIDTH:
        return widest
    return min(limit, max(_MIN_WRAPPED_WIDTH, _widest([word for text in texts for word in _WORD.findall(text)])))


def _widest(texts: list[str]) -> int:
    return max((cell_len(line) for text in texts for line in text.splitlines()), default=0)
