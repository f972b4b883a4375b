"""Weights in Hugging Face folders: safetensors files, and the location of Keras weights in them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import ml_dtypes  # noqa: F401  (registers the bfloat16 of numpy that safetensors looks up by name)
import numpy as np
from safetensors import SafetensorError, safe_open

from textgraft.errors import PresetError, counted, error_summary
from textgraft.storage.preset_files import read_json

if TYPE_CHECKING:
    import keras

_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_UNSUPPORTED = ("pytorch_model.bin", "pytorch_model.bin.index.json", "flax_model.msgpack")

# Keras names of weights, and their names in the folders. Old checkpoints use gamma and beta.
_WEIGHT_NAMES = {"kernel": ("weight",), "bias": ("bias",), "gamma": ("weight", "gamma"), "beta": ("bias", "beta")}


class Tensors(Protocol):
    """Named float32 tensors of one model; `path` is for messages."""

    path: Path

    def names(self) -> set[str]:
        """Names of all tensors."""

    def __getitem__(self, name: str) -> np.ndarray: ...


class _SafetensorsFiles:
    def __init__(self, path: Path, files: Mapping[str, Any]) -> None:
        self.path, self._files = path, files  # the open file of each tensor by the tensor's name

    def names(self) -> set[str]:
        return set(self._files)

    def __getitem__(self, name: str) -> np.ndarray:
        # A weight that is not finite is refused by `Backbone.require_finite_weights`.
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(self._files[name].get_tensor(name)).astype(np.float32)


def has_safetensors(folder: Path) -> bool:
    """Whether a folder has weights in one file or several."""
    return (folder / _WEIGHTS).exists() or (folder / _INDEX).exists()


@contextmanager
def open_tensors(folder: Path) -> Iterator[Tensors]:
    """Open the tensors of a folder, in one file or several with an index; each tensor is read when it is used.

    Raises:
        PresetError: when a file is missing or damaged.
    """
    with ExitStack() as stack:
        try:
            if (folder / _INDEX).exists():
                yield _open_shards(folder, stack)
            else:
                path = folder / _WEIGHTS
                file = stack.enter_context(safe_open(_require(path), framework="np"))
                yield _SafetensorsFiles(path, dict.fromkeys(file.keys(), file))
        except (SafetensorError, OSError, TypeError) as error:
            reason = error_summary(error)
            raise PresetError(f"{folder}: cannot read the weights: {reason}; download the preset again") from error


def _open_shards(folder: Path, stack: ExitStack) -> _SafetensorsFiles:
    index = read_json(folder / _INDEX).get("weight_map")
    if not isinstance(index, dict):
        raise PresetError(f"{folder / _INDEX} lacks weight_map; download the preset again")
    files = {}
    for name in sorted(set(index.values())):
        if Path(name).name != name:
            raise PresetError(f"{folder / _INDEX}: {name!r} is not a file name; download it from a trusted source")
        files[name] = stack.enter_context(safe_open(_require(folder / name), framework="np"))
    tensors = {name: set(file.keys()) for name, file in files.items()}
    for tensor, name in index.items():
        if tensor not in tensors[name]:
            raise PresetError(f"{folder / name} lacks {tensor}, which {_INDEX} lists; download the preset again")
    return _SafetensorsFiles(folder / _INDEX, {tensor: files[name] for tensor, name in index.items()})


def _require(path: Path) -> Path:
    if path.exists():
        return path
    others = [name for name in _UNSUPPORTED if (path.parent / name).exists()]
    if others:
        raise PresetError(
            f"{path} is missing; {others[0]} is not supported, since opening it can run code: convert it where "
            "transformers and torch are installed, by AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER)"
        )
    raise PresetError(f"{path} is missing; download the preset again")


@dataclass(frozen=True)
class Module:
    """Location of a layer's weights.

    Attributes:
        name: name of the module; each {} is a number in the layer's name.
        transposed: whether its matrix is (output, input).
        part: index of the layer's matrix among three that are side by side.
        skipped: rows at the beginning of a table that no text uses.
        added: a table whose first row is added to every row of this one.
    """

    name: str
    transposed: bool = True
    part: int | None = None
    skipped: int = 0
    added: str | None = None


@dataclass(frozen=True)
class MaskedHead:
    """Modules of a masked-language-model head; that of the logits may contain the embedding table once more.

    The dense layer has the activation of the network unless it has one of its own.
    """

    dense: str
    layer_norm: str
    logits: str
    activation: str | None = None

    @property
    def modules(self) -> dict[str, str]:
        return {"dense": self.dense, "layer_norm": self.layer_norm, "logits": self.logits}

    @property
    def tables(self) -> set[str]:
        """Possible names of a second embedding table."""
        return {f"{self.logits}.weight", f"{self.logits}.decoder.weight"}

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether any of the names is a weight of this head."""
        return any(name.startswith(f"{module}.") for name in names for module in self.modules.values())


@dataclass(frozen=True)
class TextHead:
    """Modules of transformers' head on one token vector of a text: a layer as wide as the network, then the logits.

    Attributes:
        logits: module of the logits.
        pooling: whose vector it takes: "cls" or "last".
        dense: module of the first layer; "" where there is none, and the logits have no bias.
        activation: that of the first layer, a name in `ACTIVATIONS` or Keras's.
        activation_key: key of config.json that chooses the activation; "" where it is fixed.
        normalization: the last module of the network, where there is no first layer.
    """

    logits: str
    pooling: str = "cls"
    dense: str = ""
    activation: str = "linear"
    activation_key: str = ""
    normalization: str = ""


class TensorReader:
    """Tensors with a common prefix; it counts which of them were read."""

    def __init__(self, tensors: Tensors, prefixes: Sequence[str]) -> None:
        """Choose the tensors with the first prefix that any of them has, or all tensors."""
        self.path = tensors.path
        self._tensors = tensors
        names = tensors.names()
        self._prefix = next((p for p in prefixes if any(name.startswith(p) for name in names)), "")
        self._unread = {name for name in names if name.startswith(self._prefix)}

    def read(self, names: Sequence[str]) -> tuple[str, np.ndarray]:
        """The full name and the value of the first of these tensors that exists; a PresetError if none does."""
        for name in names:
            full_name = self._prefix + name
            if full_name in self._tensors.names():
                self._unread.discard(full_name)
                return full_name, self._tensors[full_name]
        raise PresetError(f"{self.path}: {self._prefix}{names[0]} is missing; download the preset again")

    def require_all_read(self, ignored: Sequence[str]) -> None:
        """Raise a PresetError for a tensor that was not read and whose name matches none of the `ignored` patterns."""
        unknown = [name for name in self._unread if not any(re.match(p, name[len(self._prefix) :]) for p in ignored)]
        if unknown:
            more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
            raise PresetError(
                f"{self.path}: unknown tensor {min(unknown)}{more}; config.json describes another network"
            )


def unused_tensors(tensors: Tensors, prefixes: Sequence[str], heads: Sequence[MaskedHead]) -> Iterator[str]:
    """One line if there are tensors that neither the network nor one of the heads has."""
    names = {name for name in tensors.names() if not name.startswith(tuple(prefixes))}
    unused = sorted(name for name in names if not any(head.is_among([name]) for head in heads))
    if unused:
        yield f"{tensors.path}: {counted(len(unused), 'tensor')} of another head, such as {unused[0]}, are not used"


def read_weight(weight: keras.Variable, modules: Mapping[str, str | Module], reader: TensorReader) -> np.ndarray:
    """The pretrained value of a Keras weight, in its shape; `modules` has the module of each layer.

    Raises:
        PresetError: when the tensor is missing or has another shape.
    """
    weight_name = weight.path.rpartition("/")[2]
    module, names = _location(weight, modules)
    name, tensor = reader.read(names)
    array = tensor
    if module.part is not None:
        width = array.shape[-1] // 3
        array = array[..., module.part * width : (module.part + 1) * width]
    if weight_name == "kernel" and module.transposed:
        array = array.T
    array = array[module.skipped :]
    if module.added:
        _, rows = reader.read([f"{module.added}.weight"])
        array = array + rows[0]
    if not _fits(array.shape, tuple(weight.shape)):
        raise PresetError(
            f"{reader.path}: {name} has shape {tensor.shape}, but config.json describes {weight.path} of shape "
            f"{tuple(weight.shape)}"
        )
    return array.reshape(weight.shape)


def write_weights(weights: Iterable[keras.Variable], modules: Mapping[str, str | Module]) -> dict[str, np.ndarray]:
    """The tensors of a folder, float32, from which `read_weight` reads these Keras weights; of a table, its first name.

    Rows that no text uses, and a table that was added to another one, are zeros.
    """
    tensors: dict[str, np.ndarray] = {}
    parts: dict[str, dict[int, np.ndarray]] = {}
    for weight in weights:
        layer, _, weight_name = weight.path.rpartition("/")
        module, (name, *_) = _location(weight, modules)
        array = np.asarray(weight.numpy(), np.float32)
        if weight_name == "kernel":
            input_axes = array.ndim - 1 if layer.endswith("attention_output") else 1  # heads have their own axis
            array = array.reshape(math.prod(array.shape[:input_axes]), -1)
            array = array.T if module.transposed else array
        elif weight_name == "bias":
            array = array.ravel()
        array = np.pad(array, [(module.skipped, 0), *[(0, 0)] * (array.ndim - 1)])
        if module.added:
            tensors[f"{module.added}.weight"] = np.zeros_like(array[:1])
        if module.part is None:
            tensors[name] = array
        else:
            parts.setdefault(name, {})[module.part] = array
    for name, arrays in parts.items():
        tensors[name] = np.concatenate([arrays[index] for index in sorted(arrays)], axis=-1)
    return {name: np.ascontiguousarray(array) for name, array in tensors.items()}


def _location(weight: keras.Variable, modules: Mapping[str, str | Module]) -> tuple[Module, list[str]]:
    """The module of a Keras weight, and the possible names of its tensor."""
    layer, _, weight_name = weight.path.rpartition("/")
    numbers = re.findall(r"(?<=_)\d+", layer)
    entry = modules[re.sub(r"(?<=_)\d+", "{}", layer)]
    module = Module(entry) if isinstance(entry, str) else entry
    suffixes = _WEIGHT_NAMES.get(weight_name, ("weight",))
    return module, [f"{module.name.format(*numbers)}.{suffix}" for suffix in suffixes]


def _fits(stored: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether two shapes are equal; Keras has two axes, heads and their width, where the folders have one."""
    if len(stored) < 2:
        return stored == (math.prod(shape),)
    return stored in (shape, (shape[0], math.prod(shape[1:])), (math.prod(shape[:-1]), shape[-1]))
