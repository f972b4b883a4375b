"""Run `textgraft` on a disk that becomes full.

python tools/full_disk.py K VERB ...      full at the k-th file that is written
python tools/full_disk.py model VERB ...  full at the first file outside a checkpoint
"""

import errno
import sys
from pathlib import Path

from textgraft.cli import main
from textgraft.storage import folders
from textgraft.storage.syncing import FileContent


def fill_up(write: str) -> None:
    """Write half of a file, then fail all further writes."""
    write_file = folders.write_file
    files = []

    def limited(path: Path, content: FileContent) -> str:
        files.append(path)
        has_space = "checkpoint-" in str(path) if write == "model" else len(files) < int(write)
        if has_space:
            return write_file(path, content)
        data = b"".join(content)
        path.write_bytes(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    folders.write_file = limited


if __name__ == "__main__":
    fill_up(sys.argv.pop(1))
    main()
