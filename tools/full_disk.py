"""`textgraft` on a disk that is full from the k-th file on: `python tools/full_disk.py K VERB ...`."""

import errno
import sys
from pathlib import Path

from textgraft.artifact import storage
from textgraft.cli import main


def fill_up(write: int) -> None:
    """Let half of the `write`-th file be written, and nothing after it."""
    place = storage._place
    files = []

    def limited(path: Path, content: storage.Content) -> str:
        files.append(path)
        if len(files) < write:
            return place(path, content)
        data = b"".join(content)
        path.write_bytes(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    storage._place = limited


if __name__ == "__main__":
    fill_up(int(sys.argv.pop(1)))
    main()
