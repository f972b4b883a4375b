"""Windows of rows, the first of which are short, so that the first answer comes at once."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from textgraft.tasks.texts import WINDOW

_FIRST_WINDOW = 32


def growing_windows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows of batches of any sizes in windows of growing size, the last one shorter."""
    size, pending = _FIRST_WINDOW, list[pa.RecordBatch]()
    for batch in batches:
        rows = pa.concat_batches([*pending, batch])
        while len(rows) >= size:
            yield rows.slice(0, size)
            rows, size = rows.slice(size), min(4 * size, WINDOW)
        pending = [rows]
    if pending and len(pending[0]):
        yield pending[0]
