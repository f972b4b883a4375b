"""Messages of errors of the disk."""

import shutil
from pathlib import Path

from textgraft.errors import ModelFolderError


def write_error(target: Path, reason: str | None, size: int) -> ModelFolderError:
    """The error of a folder of `size` bytes that could not be written."""
    return ModelFolderError(f"cannot write {target}: {reason}; {size:,} bytes are needed, {advice(target)}")


def advice(target: Path) -> str:
    """The free space beside a target, and what to do."""
    return f"{shutil.disk_usage(target.parent).free:,} bytes are free: free disk space or choose another location"
