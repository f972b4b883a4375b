"""Files of a package that are compressed by gzip, which also detects damage."""

import gzip
from pathlib import Path

SUFFIX = ".gz"

_MAX_BYTES = 2**31 - 1  # a network is a protocol buffer, which has less than 2 GiB


def compressed_name(path: Path) -> Path:
    """The path of the compressed file where there is one, and otherwise the path itself."""
    compressed = path.with_name(f"{path.name}{SUFFIX}")
    return compressed if compressed.exists() else path


def read_content(path: Path) -> bytes:
    """The content of a file, decompressed if its name says that it is compressed.

    Raises:
        ValueError: for content of more bytes than a network can have.
        OSError, EOFError, zlib.error: when the file cannot be read or is damaged.
    """
    if path.suffix != SUFFIX:
        return path.read_bytes()
    with gzip.open(path) as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError("its content has 2 GiB or more")
    return content
