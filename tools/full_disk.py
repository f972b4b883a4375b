"""`textgraft` on a disk that is full from some file on.

python tools/full_disk.py K VERB ...      the k-th file that is written
python tools/full_disk.py model VERB ...  the first file that is not of a checkpoint
"""

import errno
import sys
from pathlib import Path

from textgraft.cli import main
from textgraft.storage import folders


def fill_up(write: str) -> None:
    """Let half of a file be written, and nothing after it."""
    place = folders._write_file
    files = []

    def limited(path: Path, content: folders.Content) -> str:
        files.append(path)
        before = "checkpoint-" in str(path) if write == "model" else len(files) < int(write)
        if before:
            return place(path, content)
        data = b"".join(content)
        path.write_bytes(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    folders._write_file = limited


if __name__ == "__main__":
    fill_up(sys.argv.pop(1))
    main()
