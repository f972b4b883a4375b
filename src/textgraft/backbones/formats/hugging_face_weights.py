"""Weights of layers from tensors as Hugging Face folders name them: found, brought into shape, none unexplained."""

import math
import re
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from textgraft.backbones.formats.hugging_face_names import Module
from textgraft.backbones.formats.tensor_files import Tensors
from textgraft.errors import PresetError

# A weight's name here, and those it goes by there: the second is of releases before PyTorch.
_KINDS = {
    "kernel": ("weight",),
    "bias": ("bias",),
    "gamma": ("weight", "gamma"),
    "beta": ("bias", "beta"),
}


class Source:
    """Tensors with a prefix, and which of them were taken.

    Attributes:
        path: where they are.
    """

    def __init__(self, tensors: Tensors, prefixes: Sequence[str]) -> None:
        """Take those with the first of the prefixes that any of them has, or all."""
        self.path = tensors.path
        self._tensors = tensors
        names = tensors.names()
        self._prefix = next((p for p in prefixes if any(name.startswith(p) for name in names)), "")
        self._left = {name for name in names if name.startswith(self._prefix)}

    def take(self, names: Sequence[str]) -> tuple[str, np.ndarray]:
        """The tensor that has one of these names, after its full name.

        Raises:
            PresetError: when there is none.
        """
        for name in names:
            full = self._prefix + name
            if full in self._tensors.names():
                self._left.discard(full)
                return full, self._tensors[full]
        raise PresetError(f"{self.path}: {self._prefix}{names[0]} is missing; fetch the preset again")

    def require_rest(self, harmless: Sequence[str]) -> None:
        """Refuse tensors that were not taken, unless they are known.

        Args:
            harmless: patterns of the names of those that are.

        Raises:
            PresetError: naming one that is not.
        """
        unknown = [name for name in self._left if not any(re.match(p, name[len(self._prefix) :]) for p in harmless)]
        if unknown:
            raise PresetError(
                f"{self.path}: nothing is known of {min(unknown)}"
                + (f" and {len(unknown) - 1} more tensors" if len(unknown) > 1 else "")
                + "; it is another network than config.json says"
            )


def array_of(weight: keras.Variable, modules: Mapping[str, str | Module], source: Source) -> np.ndarray:
    """What a weight is to be, of its shape.

    Args:
        weight: of a layer that `modules` has.
        modules: a layer to where its weights are; each {} stands for a number.
        source: has them.

    Raises:
        PresetError: when it is missing or of another shape.
    """
    layer, _, kind = weight.path.rpartition("/")
    numbers = re.findall(r"(?<=_)\d+", layer)
    given = modules[re.sub(r"(?<=_)\d+", "{}", layer)]
    module = Module(given) if isinstance(given, str) else given
    place = module.name.format(*numbers)
    name, stored = source.take([f"{place}.{suffix}" for suffix in _KINDS.get(kind, ("weight",))])
    array = stored
    if module.part is not None:
        width = array.shape[-1] // 3
        array = array[..., module.part * width : (module.part + 1) * width]
    if kind == "kernel" and module.transposed:
        array = array.T
    array = array[module.skipped :]
    if module.added:
        _, rows = source.take([f"{module.added}.weight"])
        array = array + rows[0]
    if not _fits(array.shape, tuple(weight.shape)):
        raise PresetError(
            f"{source.path}: {name} has shape {stored.shape}, which is not what config.json describes: "
            f"{weight.path} of shape {tuple(weight.shape)}"
        )
    return array.reshape(weight.shape)


def _fits(stored: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether one is the other, but for heads and their widths: two axes here, one there."""
    joined = [shape, (shape[0], math.prod(shape[1:])), (math.prod(shape[:-1]), shape[-1])]
    return stored in (joined if len(stored) > 1 else [(math.prod(shape),)])
