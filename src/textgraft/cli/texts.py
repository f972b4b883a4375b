"""Unlabelled texts for `predict` and `embed`, streaming."""

from typing import Any

from textgraft.data.loading import TextStream, read_texts
from textgraft.data.tagged import TaggedStream, read_tagged
from textgraft.data.text_files import STANDARD_INPUT
from textgraft.errors import ConfigError


def reading(data: str, **given: Any) -> TextStream:
    """Texts of a file or of standard input.

    Args:
        data: any source, or "-" for standard input, a text per line unless `format` says otherwise.
        given: options of `read_texts`; None where not given.

    Raises:
        DataError: at once, when the source is missing or empty.
    """
    return read_texts(data, **_options(data, given))


def reading_tagged(data: str, **given: Any) -> TaggedStream:
    """`reading`, with the words of the texts where the source has them."""
    return read_tagged(data, **_options(data, given))


def _options(data: str, given: dict[str, Any]) -> dict[str, Any]:
    options = {name: value for name, value in given.items() if value is not None}
    if data == STANDARD_INPUT:
        options.setdefault("format", "lines")
    return options


def given_or_read(texts: list[str] | None, data: str | None, **given: str | None) -> list[str]:
    """Texts of the command line, or else those of a source.

    Args:
        texts: of the command line.
        data: any source; standard input where neither is given.
        given: options of `read_texts`; None where not given.

    Raises:
        ConfigError: when there are both.
        DataError: when the source is missing or malformed.
    """
    if texts and data:
        raise ConfigError("texts are given twice: on the command line and as a file; leave out one")
    return texts or [text.decode() for batch in reading(data or STANDARD_INPUT, **given) for text in batch.texts]
