"""Hugging Face folders: config.json, model.safetensors, the tokenizer's files and a model card.

They open in transformers (`AutoModelForSequenceClassification`, `AutoModelForTokenClassification`) or, where vectors
are pooled as no class for texts does it, in sentence-transformers.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from textgraft.backbones.formats.hugging_face_weights import open_tensors
from textgraft.backbones.presets import load_backbone
from textgraft.backbones.sentence_transformers import is_sentence_transformer
from textgraft.errors import ConfigError
from textgraft.export.format import Answers, ExportFormat, Requirements, Text
from textgraft.export.hugging_face_answers import (
    SETTINGS,
    label_names,
    require_plain_texts,
    text_objective,
    text_settings,
)
from textgraft.export.hugging_face_card import CARD, hugging_face_card
from textgraft.export.hugging_face_files import CONFIG, hugging_face_files
from textgraft.export.hugging_face_heads import Layer, layer_tensors, layers_of, read_text_head, write_text_head
from textgraft.export.inference import threshold_needs
from textgraft.export.sentence_transformers import DenseModule, embedder_files, sentence_transformers_files
from textgraft.storage.preset_files import read_json
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.syncing import FileContent, write_file
from textgraft.tasks.base import Task
from textgraft.tasks.feature_extraction import TextEmbedder
from textgraft.tasks.tag_decoding import WORDS
from textgraft.tasks.text_classification import TextClassifier
from textgraft.tasks.token_classification import TokenClassifier
from textgraft.tokenizers import tokenizer_json

_WEIGHTS = "model.safetensors"
_METADATA = {"format": "pt"}  # which transformers asks for
_BASE_CLASS = "Model"

Trained = TypeVar("Trained", TextClassifier, TokenClassifier)


class _Parts(NamedTuple):
    """What a head adds to a folder.

    Attributes:
        tensors: by name; None for a folder whose network has no head, and no prefix in the names of its tensors.
        added: what is added to tensors of the network, by name.
        config: keys of config.json.
        files: other files by their path.
    """

    tensors: Mapping[str, np.ndarray] | None
    added: Mapping[str, np.ndarray] = {}
    config: Mapping[str, Any] = {}
    files: Mapping[str, FileContent] = {}


class HuggingFace(ExportFormat):
    """A folder whose network takes token ids; the tokenizer's files give those of a text."""

    def write(self, model: Task, folder: Path) -> Requirements:
        require_plain_texts(model, lowercase=isinstance(model, TextEmbedder))
        files = hugging_face_files(model)
        parts = _parts(model)
        config = {**json.loads(files[CONFIG]), **parts.config}
        if parts.tensors is None:
            config["architectures"] = [model.backbone.hugging_face_class(_BASE_CLASS)]
        tensors = model.backbone.hugging_face_tensors(with_head=parts.tensors is not None)
        for name, array in parts.added.items():
            tensors[name] = tensors[name] + array
        content: dict[str, FileContent] = {
            **{name: [content] for name, content in files.items()},
            CONFIG: [f"{json.dumps(config, ensure_ascii=False, indent=1)}\n".encode()],
            _WEIGHTS: to_safetensors({**tensors, **(parts.tensors or {})}, _METADATA),
            CARD: [hugging_face_card(model, config, bool(parts.files), self.selected.without_ngrams).encode()],
            **parts.files,
        }
        for path, pieces in content.items():
            (folder / path).parent.mkdir(exist_ok=True)
            write_file(folder / path, pieces)
        are_logits = bool(parts.files) and isinstance(model, TextClassifier)
        needs = ["sentence-transformers, whose vectors are the logits"] if are_logits else []
        needs += threshold_needs(config.get(SETTINGS, {}), CONFIG)
        return Requirements(needs if self.takes(model, "") else [*needs, "texts that are not empty"])

    def takes(self, model: Task, text: Text) -> bool:
        """Networks of transformers take at least one token."""
        return any(text) or model.backbone.special_tokens.start is not None

    def open(self, folder: Path, temporary: Path | None = None) -> Callable[[Sequence[Text]], Answers]:
        """The folder as textgraft's reader of presets understands it, with the head computed as transformers does."""
        config = read_json(folder / CONFIG)
        if "id2label" not in config:
            return TextEmbedder(folder, "float32").reference_answers
        if "problem_type" not in config:
            return _token_classifier(folder, config).reference_answers
        return lambda texts: _text_classifier(folder, config, _are_pairs(texts)).reference_answers(texts)


def _parts(model: Task) -> _Parts:
    if isinstance(model, TextClassifier):
        return _classifier_parts(model)
    if isinstance(model, TokenClassifier):
        return _tagger_parts(model)
    if isinstance(model, TextEmbedder):
        return _Parts(None, files=embedder_files(model))
    raise ConfigError(f"models for {model.name} are not exported to huggingface yet")


def _classifier_parts(model: TextClassifier) -> _Parts:
    """The head of transformers' class, if it takes the vector that the model pools, or else dense layers after it."""
    spec, pooling = model.backbone.hugging_face_text_head, model.pooling.method
    settings = text_settings(model)
    layers, output_map = layers_of(model.head), model.output_map()
    if pooling == spec.pooling:
        head = write_text_head(layers, output_map, spec, model.backbone.dim)
        return _Parts(head.tensors, head.added, {**head.config, **settings})
    if model.pairs:
        raise ConfigError(
            f"no class of Hugging Face takes pairs with {pooling} pooling; use savedmodel, or train with --pooling "
            f"{spec.pooling}"
        )
    *hidden, (kernel, bias) = layers
    factors, offsets = output_map
    modules = [DenseModule(*_float32(layer), "relu") for layer in hidden]
    modules.append(DenseModule(*_float32((kernel @ factors, bias @ factors + offsets)), "linear"))
    return _Parts(None, config=settings, files=sentence_transformers_files(model, modules))


def _tagger_parts(model: TokenClassifier) -> _Parts:
    module, settings = model.backbone.hugging_face_tag_head, model.settings()
    if not module:
        raise ConfigError(f"transformers has no class for the tokens of {model.backbone.family}; use savedmodel")
    if settings["convolution"] or model.architecture.hidden:
        raise ConfigError("transformers' class for tokens has one layer; use savedmodel, or train without --hidden")
    ((kernel, bias),) = layers_of(model.head)
    temperature, names = model.objective.temperature, ("splitting", "decoding", "scoring", "min_confidence")
    return _Parts(
        layer_tensors(module, (kernel / temperature, bias / temperature)),
        config={SETTINGS: {name: settings[name] for name in names if name in settings}},
    )


def _float32(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    kernel, bias = layer
    return kernel.astype(np.float32), bias.astype(np.float32)


def _are_pairs(texts: Sequence[Text]) -> bool:
    return bool(texts) and not isinstance(texts[0], str)


def _text_classifier(folder: Path, config: Mapping[str, Any], pairs: bool) -> TextClassifier:
    objective = text_objective(config)
    options = {**objective.settings(), "problem": objective.name, "pairs": pairs}
    options["sequence_length"] = _sequence_length(folder)
    if is_sentence_transformer(folder):
        embedder = TextEmbedder(folder, "float32")
        model = TextClassifier(embedder.backbone, precision="float32", **options)
        model.head = embedder.head
        return _trained(model)
    backbone = load_backbone(folder)
    spec = backbone.hugging_face_text_head
    model = TextClassifier(backbone, precision="float32", pooling=spec.pooling, **options)
    model.head = read_text_head(folder, spec, config)
    return _trained(model)


def _token_classifier(folder: Path, config: Mapping[str, Any]) -> TokenClassifier:
    """The labels are those of the tags B-LABEL."""
    labels = [tag.removeprefix("B-") for tag in label_names(config) if tag.startswith("B-")]
    options = {"sequence_length": _sequence_length(folder), "scoring": WORDS, **config[SETTINGS]}
    model = TokenClassifier(load_backbone(folder), labels, "float32", **options)
    module = model.backbone.hugging_face_tag_head
    with open_tensors(folder) as tensors:
        model.head.layers[-1].set_weights([tensors[f"{module}.weight"].T, tensors[f"{module}.bias"]])
    return _trained(model)


def _trained(model: Trained) -> Trained:
    """The model, whose head has been read, so that it does not warn of random weights."""
    model.record["fit"] = {}
    return model


def _sequence_length(folder: Path) -> int:
    return int(read_json(folder / tokenizer_json.CONFIG)["model_max_length"])
