"""`textgraft upgrade`: a model folder in the format of this version."""

from pathlib import Path
from typing import Annotated

from textgraft.cli import options as o
from textgraft.cli.output.log import log


def upgrade(folder: o.Folder, run: Annotated[o.RunOptions, o.Group(only=("out", "overwrite"))]) -> None:
    """Write a model folder of an earlier format in that of this version, in place or as another folder.

    Earlier formats can be used as they are; other programs that read them may need this one.

    Example:
        textgraft upgrade sentiment
    """
    from textgraft.model_folder.upgrading import upgrade_folder
    from textgraft.model_folder.versions import FORMAT_VERSION

    version = upgrade_folder(folder, Path(run.out) if run.out else None, run.overwrite)
    if version == FORMAT_VERSION:
        log(f"{folder} has format {version}, that of this version; nothing is written")
    else:
        log(f"wrote {run.out or folder} in format {FORMAT_VERSION}, before in format {version}")
