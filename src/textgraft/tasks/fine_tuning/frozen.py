"""Modes that train the head alone, on the stored outputs of the backbone (feature extraction)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.split_network import SplitNetwork
from textgraft.errors import ConfigError
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import ExampleSets, FineTuning
from textgraft.tasks.fine_tuning.last_blocks import LastBlocks
from textgraft.training.config import GRADIENT_OPTIONS, HEAD_ONLY_DEFAULTS, TrainingConfig
from textgraft.training.examples import Examples
from textgraft.training.history import History
from textgraft.training.logistic import compute_logits, train_logistic_head
from textgraft.training.progress import Callback
from textgraft.training.step import Network


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
    caches_token_ids = True
    defaults = HEAD_ONLY_DEFAULTS

    @property
    def note(self) -> str:  # type: ignore[override]
        return "head trained " + ("" if self.has_steps else "by logistic regression ") + "on stored embeddings"

    @property
    def has_steps(self) -> bool:
        return self.config.head != "logistic"

    def check(self, options: Mapping[str, Any]) -> None:
        unused = [name for name in GRADIENT_OPTIONS if options.get(name) is not None]
        if not self.has_steps and unused:
            raise ConfigError(f"head logistic on a frozen backbone ignores {', '.join(unused)}; drop them or head")
        if self.task.architecture.hidden and self.task.windowed:
            raise ConfigError("fine_tune none averages windows before the head, which must be one layer; drop hidden")

    def trained_models(self) -> list[keras.Model]:
        return [self.task.head]

    def build(self, examples: ExampleSets, callback: Callback) -> tuple[Network, Examples[Any], Examples[Any]]:
        train, validation = self.with_pooled_vectors(list(examples.values()), callback)
        return self._network(examples, self.task.head, self.task.head), train, validation

    def solve(
        self, train: Examples[Any], validation: Examples[Any], callback: Callback
    ) -> tuple[History, Callable[[], np.ndarray]] | None:
        if self.has_steps:
            return None
        layer = self.task.head.layers[-1]
        history = train_logistic_head(layer, train, validation, self._means)
        callback.on_epoch_end(history.records[0])
        return history, partial(compute_logits, layer, validation)

    def estimate(self, examples: ExampleSets) -> tuple[float, int]:
        """Only the feature extraction counts."""
        extractor = self.feature_extractor()
        return sum(extractor.estimate_seconds(part.inputs.tokens) for part in examples.values()), 0

    def _means(self, targets: np.ndarray, logits: np.ndarray) -> dict[str, float]:
        objective = self.task.objective
        losses = objective.loss(tf.constant(targets), tf.constant(logits, tf.float32))
        return {**objective.metrics(targets, logits), "loss": float(tf.reduce_mean(losses))}
