"""Upgrades of model folders to the format of this version."""

from pathlib import Path

from textgraft.model_folder.folder import read
from textgraft.model_folder.rewriting import rewrite_folder
from textgraft.model_folder.versions import FORMAT_VERSION


def upgrade_folder(folder: Path, out: Path | None = None, overwrite: bool = False) -> int:
    """Write a model folder in the format of this version, in place or as another folder, atomically.

    The config is changed, and the card is written anew unless it was edited; other files stay as they are. A folder of
    this version is not written.

    Args:
        folder: the model folder.
        out: another folder to write; by default, the folder is replaced.
        overwrite: replace `out`.

    Returns:
        the version that the folder had.

    Raises:
        ModelFolderError: when it is damaged, of a version that cannot be read, or cannot be written.
        BusyError: when another process is writing it.
    """
    stored = read(folder)
    if stored.written_version < FORMAT_VERSION:
        rewrite_folder(stored, stored.config, out or folder, overwrite or out is None)
    return stored.written_version
