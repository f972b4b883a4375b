"""Preset folders of KerasHub, which `keras_hub.models.TextClassifier.from_preset` opens."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textgraft.backbones.keras_hub_classifier import KerasHubClassifier
from textgraft.data.golden_texts import GOLDEN_TEXTS, NASTY, ORDINARY
from textgraft.data.labels import MULTI, REGRESSION
from textgraft.errors import ConfigError
from textgraft.export.format import Answers, ExportFormat, Requirements, Text
from textgraft.export.hugging_face_heads import layers_of, write_text_head
from textgraft.export.inference import INFERENCE, inference_file, inference_settings, threshold_needs
from textgraft.storage.preset_files import read_json
from textgraft.storage.syncing import write_file
from textgraft.tasks.base import Task
from textgraft.tasks.objectives import TextObjective
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.text_classification import TextClassifier

_MAX_LENGTH = 512  # of networks without a maximum


class KerasHub(ExportFormat):
    """A folder whose classifier takes strings; compared are texts that KerasHub splits into the same tokens."""

    _classifier: KerasHubClassifier | None = None
    _equal: frozenset[str] = frozenset()

    def write(self, model: Task, folder: Path) -> Requirements:
        classifier = self._prepared(model)
        output_map = _text_classifier(model).output_map()
        head = write_text_head(layers_of(model.head), output_map, classifier.head, classifier.dim)
        classifier.set_head(head.tensors)
        classifier.save(folder)
        settings = inference_settings(model)
        write_file(folder / INFERENCE, [inference_file(settings)])
        others = len(GOLDEN_TEXTS) - len(self._equal)
        texts = f"ordinary texts: KerasHub splits {others} of {len(NASTY)} unusual ones into other tokens"
        return Requirements([*threshold_needs(settings, INFERENCE), texts])

    def takes(self, model: Task, text: Text) -> bool:
        self._prepared(model)
        return text in self._equal

    def open(self, folder: Path, temporary: Path | None = None) -> Callable[[Sequence[Text]], Answers]:
        objective = _objective(read_json(folder / INFERENCE))
        classifier = KerasHubClassifier.from_preset(folder)
        return lambda texts: objective.named_answers(classifier.logits(texts))  # type: ignore[arg-type]

    def _prepared(self, model: Task) -> KerasHubClassifier:
        """The classifier; a ConfigError where KerasHub computes otherwise, or splits ordinary texts otherwise."""
        if self._classifier is None:
            self._classifier = _classifier(_text_classifier(model))
            rows = zip(GOLDEN_TEXTS, self._classifier.token_ids(GOLDEN_TEXTS), _token_ids(model), strict=True)
            self._equal = frozenset(text for text, row, other in rows if row == other)
            if different := [text for text in ORDINARY if text not in self._equal]:
                raise ConfigError(
                    f"KerasHub splits texts into other tokens, such as {different[0]!r:.60}; choose huggingface or "
                    "savedmodel"
                )
        return self._classifier


def _text_classifier(model: Task) -> TextClassifier:
    if isinstance(model, TextClassifier):
        return model
    raise ConfigError(f"KerasHub has no class for {model.name}; choose huggingface or savedmodel")


def _classifier(model: TextClassifier) -> KerasHubClassifier:
    """KerasHub's classifier with the network of a model, and a random head; see `KerasHub._prepared`."""
    if steps := model.architecture.cleaning.steps:
        raise ConfigError(f"KerasHub does not clean texts ({', '.join(steps)}); choose savedmodel or wheel")
    if model.pairs:
        raise ConfigError("pairs are not exported to kerashub; choose huggingface or savedmodel")
    architecture, pooling = model.architecture, model.pooling.method
    if architecture.truncation != "head":
        raise ConfigError(
            f"KerasHub has no truncation {architecture.truncation}; choose savedmodel, or train with --truncation head"
        )
    length = architecture.sequence_length or model.backbone.max_sequence_length or _MAX_LENGTH
    classifier = model.backbone.keras_hub_classifier(len(model.output_map()[1]), length)
    if pooling != classifier.head.pooling:
        raise ConfigError(
            f"KerasHub's classifiers have {classifier.head.pooling} pooling, and not {pooling}; choose savedmodel, or "
            f"train with --pooling {classifier.head.pooling}"
        )
    return classifier


def _token_ids(model: Task) -> list[list[int]]:
    """The token ids of each golden text, as the model prepares it."""
    tokens = model.tokenize([np.array([text.encode() for text in GOLDEN_TEXTS], object)])
    return tokens.batch(np.arange(len(tokens))).to_list()  # type: ignore[no-any-return]


def _objective(settings: dict[str, Any]) -> TextObjective:
    """The objective of an inference.json, whose outputs are calibrated."""
    if settings["problem"] == REGRESSION:
        return Regression(())
    labels = settings["labels"]
    if settings["problem"] == MULTI:
        return MultiLabel(labels, thresholds=settings["thresholds"])
    return SingleLabel(labels, abstain_below=settings.get("abstain_below"), set_threshold=settings.get("set_threshold"))
