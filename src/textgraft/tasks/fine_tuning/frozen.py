"""Modes that train the head alone, on the stored outputs of the backbone (feature extraction)."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft import runtime
from textgraft.backbones.split_network import SplitNetwork
from textgraft.computation import current_computation
from textgraft.data.metrics import without_optional
from textgraft.errors import ConfigError
from textgraft.storage.array_cache import ArrayCache
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import Built, ExampleSets, FineTuning
from textgraft.tasks.fine_tuning.last_blocks import LastBlocks
from textgraft.tasks.label_descriptions import description_prior
from textgraft.training.callbacks import Callback
from textgraft.training.config import GRADIENT_OPTIONS, HEAD_ONLY_DEFAULTS, TrainingConfig
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.features import FeatureExtractor
from textgraft.training.history import History
from textgraft.training.id_cache import IdCache
from textgraft.training.logistic import compute_logits, fit_logistic_layer, held_out_logits, train_logistic_head


class FrozenTokens(LastBlocks):
    """Train a head on token vectors."""

    trains_backbone = False
    defaults = HEAD_ONLY_DEFAULTS
    note = "head trained on stored embeddings"

    def __init__(self, task: Task, config: TrainingConfig) -> None:
        super().__init__(task, config, blocks=0)

    def trained_models(self) -> list[keras.Model]:
        return [self.task.head]

    def _trained_layers(self, split: SplitNetwork) -> keras.Model:
        return self.task.head


class FrozenVectors(FineTuning):
    """Train a head on pooled vectors, by gradient descent or as logistic regression."""

    trains_backbone = False
    caches_activations = True
    defaults = HEAD_ONLY_DEFAULTS

    def __init__(self, task: Task, config: TrainingConfig) -> None:
        super().__init__(task, config)
        self.has_steps = config.head != "logistic"
        self.note = "head trained " + ("" if self.has_steps else "by logistic regression ") + "on stored embeddings"

    def check(self, options: Mapping[str, Any]) -> None:
        unused = [name for name in GRADIENT_OPTIONS if options.get(name) is not None]
        if not self.has_steps and unused:
            raise ConfigError(f"logistic regression ignores {', '.join(unused)}; drop them or set head to gradient")
        if self.task.architecture.hidden and self.task.windowed:
            raise ConfigError("fine_tune none with windows does not support hidden; drop one")

    def trained_models(self) -> list[keras.Model]:
        return [self.task.head]

    def id_cache(self) -> IdCache:
        backbone, architecture = self.task.backbone, asdict(self.task.architecture)
        settings = {
            **{name: architecture[name] for name in ("cleaning", "sequence_length", "truncation")},
            "family": backbone.family, "backbone": backbone.config(), "versions": runtime.versions(),
        }  # fmt: skip
        return IdCache(settings, backbone.assets(), backbone.vocabulary_size, ArrayCache.from_environment())

    def build(self, examples: ExampleSets, callback: Callback) -> Built:
        self.vectors = dict(zip(examples, with_pooled_vectors(self, list(examples.values()), callback), strict=True))
        network = self._network(examples, self.task.head, self.task.head)
        return Built(network, self.vectors["train"], self.vectors.get("validation"))

    def solve(
        self, train: Examples[Any], validation: Examples[Any] | None, callback: Callback
    ) -> tuple[History, Callable[[], np.ndarray]] | None:
        if self.has_steps:
            return None
        layer = self.task.head.layers[-1]
        history = train_logistic_head(layer, train, validation, self._means, partial(self._fit_layer, callback))
        callback.on_epoch_end(history.records[0])
        return history, partial(compute_logits, layer, train if validation is None else validation)

    def _fit_layer(self, callback: Callback, layer: keras.layers.Dense, train: Examples[Any]) -> None:
        fit_logistic_layer(layer, train, description_prior(self.task, len(train), callback))

    def held_out_outputs(self, train: Examples[Any], folds: np.ndarray) -> np.ndarray | None:
        if self.has_steps:
            return None
        prior = description_prior(self.task, len(train), Callback())
        return held_out_logits(train, folds, self.task.head.layers[-1].units, prior)

    def estimate(self, examples: ExampleSets) -> tuple[float, int]:
        """Only the feature extraction counts."""
        extractor = feature_extractor(self)
        return sum(extractor.estimate_seconds(part.inputs.tokens) for part in examples.values()), 0

    def _means(self, targets: np.ndarray, logits: np.ndarray, validation: bool) -> dict[str, float]:
        objective = self.task.objective
        losses = objective.loss(tf.constant(targets), tf.constant(logits, tf.float32))
        metrics = (objective.validation_metrics if validation else objective.metrics)(targets, logits)
        metrics = without_optional(metrics, objective.selectable, self.config.metric)
        return {**metrics, "loss": float(tf.reduce_mean(losses))}


def feature_extractor(mode: FineTuning) -> FeatureExtractor:
    """The backbone with its current weights, and the user's cache of pooled vectors."""
    task, batch_tokens, cache = mode.task, mode.config.batch_tokens, ArrayCache.from_environment()
    settings = {
        "pooling": task.architecture.pooling, "versions": runtime.versions(),
        "computation": asdict(current_computation(task.precision)),
        "batch_tokens": batch_tokens,  # the padding of a text changes the last bits of its vector
    }  # fmt: skip
    return FeatureExtractor(task.pool, task.input_spec, task.backbone, settings, cache, batch_tokens)


def with_pooled_vectors(
    mode: FineTuning, sets: Collection[Examples[TokenInputs]], callback: Callback
) -> list[Examples[Any]]:
    """Examples with pooled vectors in place of token ids; the callback receives the number of texts that are done."""
    extractor, on_texts = feature_extractor(mode), partial(callback.on_features_extracted, total=sum(map(len, sets)))
    return [
        examples.with_vectors(extractor.extract(examples.inputs.tokens, on_texts, callback.on_message))
        for examples in sets
    ]
