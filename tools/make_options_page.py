"""Writes docs/reference/options.md from the command line: `python -m tools.make_options_page`."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import typer

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "options.md"

_HEAD = """\
# Options

Every option of the command line, generated from the code. In Python and in files for `--config`, the names are the same,
with underscores: `--batch-size 32` is `batch_size=32`.
"""


def main() -> None:
    """Write the page."""
    PAGE.write_text(build(), encoding="utf-8")
