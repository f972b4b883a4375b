"""Unlabelled texts for `predict` and `embed`, streaming."""

from collections.abc import Iterator

import numpy as np


def reading(data: str, **given: str | None) -> Iterator[np.ndarray]:
    """Batches of UTF-8 bytes from a file or standard input.

    Args:
        data: any source, or "-" for standard input, a text per line unless `format` says otherwise.
        given: options of `read_texts`; None where not given.

    Raises:
        DataError: at once, when the source is missing or empty.
    """
    from textgraft.data.loading import read_texts
    from textgraft.data.streams import STANDARD_INPUT

    options = {name: value for name, value in given.items() if value is not None}
    if data == STANDARD_INPUT:
        options.setdefault("format", "lines")
    return (batch.texts for batch in read_texts(data, **options))
