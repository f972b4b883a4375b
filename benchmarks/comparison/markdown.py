"""Tables of Markdown pages."""

from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table."""
    return [_line(columns), _line(["---"] * len(columns)), *map(_line, rows)]


def replace_block(page: str, name: str, lines: Iterable[str]) -> str:
    """The page with other lines between its comments `<!-- NAME -->` and `<!-- end of NAME -->`."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = page.partition(start)
    _, _, after = rest.partition(end)
    return "".join([before, start, *(f"{line}\n" for line in lines), end, after])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
