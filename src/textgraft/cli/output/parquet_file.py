"""Parquet files that are written in parts."""

from contextlib import suppress

import pyarrow as pa
import pyarrow.parquet as pq


class ParquetFile(pq.ParquetWriter):
    """A writer that can be discarded; pyarrow's own prints a traceback when it is collected without being closed."""

    def discard(self) -> None:
        """Close the writer, whose file is incomplete and still open, without an error."""
        with suppress(pa.ArrowException, OSError, ValueError):
            self.close()
        self.is_open = False
