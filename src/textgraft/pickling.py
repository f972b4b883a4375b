"""Pickles of models: the files of a model folder as bytes, which are verified like a folder; no code is stored."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from textgraft.engines.names import INT8, TENSORFLOW
from textgraft.errors import ModelFolderError
from textgraft.runtime import start_tensorflow

_FOLDER = "model"


def reduce_model(model: Any) -> tuple[Callable[..., Any], tuple[dict[str, bytes], str, str]]:
    """What `Task.__reduce__` returns: `load_files`, and its arguments.

    Raises:
        ModelFolderError: when the temporary folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="textgraft-") as parent:
        folder = model.save(Path(parent) / _FOLDER)
        files = {file.name: file.read_bytes() for file in folder.iterdir()}
    return load_files, (files, INT8 if model.quantization else model.precision, model.engine)


def load_files(files: Mapping[str, bytes], precision: str = "auto", engine: str = TENSORFLOW) -> Any:
    """The model of a folder with these files.

    Raises:
        ModelFolderError: for names that are not those of files, and as `load` raises it.
    """
    start_tensorflow()
    from textgraft.tasks.loading import load

    with tempfile.TemporaryDirectory(prefix="textgraft-") as parent:
        folder = Path(parent) / _FOLDER
        folder.mkdir()
        for name, content in _checked(files):
            (folder / name).write_bytes(content)
        return load(folder, precision, engine)


def _checked(files: Any) -> list[tuple[str, bytes]]:
    """The files, of which each must be bytes under a name without a path."""
    items: list[Any] = list(files.items()) if isinstance(files, Mapping) else [(None, None)]
    for name, content in items:
        is_name = isinstance(name, str) and name == Path(name).name and "\0" not in name and len(name.encode()) < 256
        if not is_name or not isinstance(content, bytes):
            raise ModelFolderError(f"a pickled model must be files of bytes by name, not {name!r:.60}; save it again")
    return items
