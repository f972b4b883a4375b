"""Unlabelled texts for `predict` and `embed`, streaming."""

from textgraft.data.loading import TextStream, read_texts
from textgraft.data.streams import STANDARD_INPUT


def reading(data: str, **given: str | None) -> TextStream:
    """Texts of a file or of standard input.

    Args:
        data: any source, or "-" for standard input, a text per line unless `format` says otherwise.
        given: options of `read_texts`; None where not given.

    Raises:
        DataError: at once, when the source is missing or empty.
    """
    options = {name: value for name, value in given.items() if value is not None}
    if data == STANDARD_INPUT:
        options.setdefault("format", "lines")
    return read_texts(data, **options)
