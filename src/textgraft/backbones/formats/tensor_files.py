"""Tensors by name, from one safetensors file or several with an index; each is read when it is asked for."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import ml_dtypes  # noqa: F401  (numpy's bfloat16, which safetensors asks for by name)
import numpy as np
from safetensors import SafetensorError, safe_open

from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_json

_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5", "flax_model.msgpack")


class Tensors(Protocol):
    """Named tensors of one model.

    Attributes:
        path: where they are, for messages.
    """

    path: Path

    def names(self) -> set[str]:
        """All of them."""

    def __getitem__(self, name: str) -> np.ndarray:
        """One of them, float32."""


Opened = Callable[[], AbstractContextManager[Tensors]]


class _Safetensors:
    def __init__(self, path: Path, files: Mapping[str, Any]) -> None:
        self.path = path
        self._files = files

    def names(self) -> set[str]:
        return set(self._files)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.asarray(self._files[name].get_tensor(name)).astype(np.float32)


@contextmanager
def opened(folder: Path) -> Iterator[Tensors]:
    """The tensors of a Hugging Face folder.

    Raises:
        PresetError: when there are none, or a file is missing or damaged.
    """
    with ExitStack() as stack:
        try:
            if (folder / _INDEX).exists():
                yield _sharded(folder, stack)
            else:
                path = folder / _WHOLE
                file = stack.enter_context(safe_open(_found(path), framework="np"))
                yield _Safetensors(path, dict.fromkeys(file.keys(), file))
        except (SafetensorError, OSError, TypeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise PresetError(f"{folder}: the weights could not be read: {reason}; fetch the preset again") from error


def _sharded(folder: Path, stack: ExitStack) -> _Safetensors:
    index = read_json(folder / _INDEX).get("weight_map")
    if not isinstance(index, dict):
        raise PresetError(f"{folder / _INDEX}: it has no weight_map; fetch the preset again")
    files = {}
    for name in sorted(set(index.values())):
        if Path(name).name != name:
            raise PresetError(f"{folder / _INDEX}: {name!r} is no file name; do not use it")
        files[name] = stack.enter_context(safe_open(_found(folder / name), framework="np"))
    held = {name: set(file.keys()) for name, file in files.items()}
    for tensor, name in index.items():
        if tensor not in held[name]:
            raise PresetError(f"{folder / name}: {tensor} is not in it, as {_INDEX} says; fetch the preset again")
    return _Safetensors(folder / _INDEX, {tensor: files[name] for tensor, name in index.items()})


def _found(path: Path) -> Path:
    if path.exists():
        return path
    others = [name for name in _PICKLED if (path.parent / name).exists()]
    if others:
        raise PresetError(
            f"{path} is missing; {others[0]} is not read, since opening it can run code: where transformers and torch "
            "are installed, AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER) writes the safe file"
        )
    raise PresetError(f"{path} is missing; fetch the preset again")
