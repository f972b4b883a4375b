"""Folders of sentence-transformers: modules.json lists what follows the network, each with a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.backbones.families.static_embeddings import MODEL2VEC
from textgraft.backbones.format import Head
from textgraft.backbones.formats.hugging_face_weights import open_tensors
from textgraft.backbones.text_vectors import TextVectors
from textgraft.errors import PresetError
from textgraft.storage.preset_files import published_name, read_json, read_json_list, read_optional_json
from textgraft.task_specs.feature_extraction import MAX_UNITS
from textgraft.tokenizers import tokenizer_json

if TYPE_CHECKING:
    import keras

MODULES, PROMPTS, CONFIG = "modules.json", "config_sentence_transformers.json", "config.json"

# Poolings by their names in 1_Pooling/config.json; older folders have a key for each.
POOLING_NAMES: Mapping[str, str | None] = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "sqrtn",
    "weightedmean": None,
    "lasttoken": "last",
}
POOLING_KEYS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
ACTIVATION_NAMES = {"Identity": "linear", "Tanh": "tanh", "ReLU": "relu", "GELU": "gelu", "Sigmoid": "sigmoid"}
_KINDS = ("Transformer", "Pooling", "Dense", "Normalize")
_SENTENCE_EMBEDDING = "sentence_embedding"
_MAX_LENGTH = 1e300  # larger numbers of tokens are damage; 1e30 is a usual way to write that there is no limit


class SentenceTransformer:
    """A folder with modules.json; the constructor raises a PresetError for a module that has no equivalent.

    Attributes:
        network: the folder of the network and its tokenizer.
        vectors: what follows the network.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / MODULES
        modules = [self._module(entry) for entry in read_json_list(self._path)]
        kinds = [kind for kind, _ in modules]
        if kinds[:2] != ["Transformer", "Pooling"] or "Normalize" in kinds[:-1]:
            raise self._unsupported(f"the modules {', '.join(kinds)} in this order")
        self.network, pooling = folder / modules[0][1], folder / modules[1][1]
        self._layers = [folder / path for kind, path in modules if kind == "Dense"]
        texts, prompt = _prompts(folder / PROMPTS)
        config = read_json(pooling / CONFIG)
        if texts and config.get("include_prompt") is False:
            raise PresetError(f"{pooling / CONFIG}: include_prompt false is not supported; it must be true")
        settings = read_optional_json(self._settings_file())
        self.vectors = TextVectors(
            pooling=self._pooling(pooling / CONFIG, config),
            normalize="Normalize" in kinds,
            layers=tuple(_dense_layer(folder / CONFIG) for folder in self._layers),
            sequence_length=self._sequence_length(),
            lowercase=bool(settings.get("do_lower_case")),
            prompts=texts,
            prompt=prompt,
        )

    @property
    def head(self) -> Head:
        """The layers after the pooling."""

        def fill(head: keras.Model) -> str:
            for index, folder in enumerate(self._layers):
                layer = head.get_layer(f"dense_{index}")
                with open_tensors(folder) as tensors:
                    for weight in layer.weights:
                        name = "linear.bias" if weight.path.endswith("bias") else "linear.weight"
                        if name not in tensors.names():
                            raise PresetError(f"{tensors.path}: {name} is missing; download the preset again")
                        array = tensors[name].T
                        if array.shape != tuple(weight.shape):
                            raise PresetError(
                                f"{tensors.path}: {name} has shape {tensors[name].shape}, but config.json describes "
                                f"{tuple(weight.shape)[::-1]}"
                            )
                        weight.assign(array)
            return ""

        return Head(self.vectors.settings(), fill)

    def _module(self, entry: Any) -> tuple[str, str]:
        """Kind and folder of an entry of modules.json."""
        try:
            kind, path = str(entry["type"]), str(entry["path"])
        except (KeyError, TypeError) as error:
            raise PresetError(f"{self._path} is not a list of modules; download the preset again") from error
        name = kind.rpartition(".")[2]
        if not kind.startswith("sentence_transformers.") or name not in (
            "Transformer",
            "Pooling",
            "Dense",
            "Normalize",
        ):
            raise self._unsupported(f"the module {kind}")
        if Path(path).is_absolute() or ".." in Path(path).parts:
            raise self._unsupported(f"the folder {path!r}")
        return name, path

    def _unsupported(self, feature: str) -> PresetError:
        return PresetError(
            f"{self._path} has {feature}, which textgraft does not support (it supports Transformer, Pooling, then "
            "Dense, then Normalize); to use the network alone, delete the file"
        )

    def _pooling(self, path: Path, config: Mapping[str, Any]) -> str:
        modes = (
            config.get("pooling_mode") or [name for key, name in POOLING_KEYS.items() if config.get(key)] or ["mean"]
        )
        modes = [modes] if isinstance(modes, str) else modes
        if not _are_strings(modes):
            raise PresetError(f"{path}: pooling_mode must be a string or a list of strings; download the preset again")
        if len(modes) > 1:
            raise PresetError(f"{path}: {' and '.join(modes)} side by side are not supported; keep one of them")
        if (pooling := POOLING_NAMES.get(modes[0])) is None:
            supported = ", ".join(name for name, pooling in POOLING_NAMES.items() if pooling)
            raise PresetError(f"{path}: the pooling {modes[0]} is not supported; supported: {supported}")
        return pooling

    def _settings_file(self) -> Path:
        """The path of sentence_bert_config.json, which has other families' names too."""
        files = sorted(self.network.glob("sentence_*_config.json"))
        return files[0] if files else self.network / "sentence_bert_config.json"

    def _sequence_length(self) -> int | None:
        """The maximum in the settings, or else that of the tokenizer, which is huge where it has none."""
        return _length(self._settings_file(), "max_seq_length") or _length(
            self.network / tokenizer_json.CONFIG, "model_max_length"
        )


def is_sentence_transformer(path: Path) -> bool:
    """Whether a path is a folder of sentence-transformers with a network; model2vec describes its tables so, too."""
    return (path / MODULES).is_file() and published_name(path) != MODEL2VEC


def _prompts(path: Path) -> tuple[dict[str, str], str]:
    """The prompts that are not empty, by name, and the default one, which may be empty."""
    content = read_optional_json(path)
    prompts, default = content.get("prompts") or {}, content.get("default_prompt_name")
    if not (isinstance(prompts, dict) and _are_strings([*prompts.values()]) and isinstance(default, str | None)):
        raise PresetError(
            f"{path}: prompts must be an object of strings, and default_prompt_name a string; download the preset again"
        )
    texts = {name: text for name, text in prompts.items() if text}
    return texts, texts.get(default or "", "")


def _length(path: Path, key: str) -> int | None:
    """A number of tokens in a file, which may lack it; a large one may be written as a fraction, such as 1e30."""
    length = read_optional_json(path).get(key)
    if not length:
        return None
    if type(length) not in (int, float) or not 1 <= length < _MAX_LENGTH:
        raise PresetError(f"{path}: {key} must be a number of tokens, not {length!r:.40}; download the preset again")
    return int(length)


def _are_strings(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _dense_layer(path: Path) -> dict[str, Any]:
    config = read_json(path)
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh")).rpartition(".")[2]
    inputs = [config.get(key) or _SENTENCE_EMBEDDING for key in ("module_input_name", "module_output_name")]
    if name not in ACTIVATION_NAMES:
        raise PresetError(
            f"{path}: activation_function {name} is not supported; supported: {', '.join(ACTIVATION_NAMES)}"
        )
    if config.get("use_residual") or inputs != [_SENTENCE_EMBEDDING] * 2:
        raise PresetError(f"{path}: a residual connection, or another input than the pooled vector, is not supported")
    if not (type(units := config.get("out_features")) is int and 0 < units <= MAX_UNITS):
        raise PresetError(f"{path}: out_features must be an integer from 1 to {MAX_UNITS}, not {units!r:.40}")
    return {"units": units, "activation": ACTIVATION_NAMES[name], "use_bias": bool(config.get("bias", True))}
