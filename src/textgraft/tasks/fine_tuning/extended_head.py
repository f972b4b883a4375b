"""The mode that extends a trained classifier: its head alone is trained, on further texts and replayed embeddings."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import keras
import numpy as np

from textgraft.data.labels import show_label
from textgraft.data.seen_texts import TRAIN
from textgraft.errors import ConfigError, DataError
from textgraft.tasks.base import Task
from textgraft.tasks.earlier import EarlierClassifier
from textgraft.tasks.fine_tuning.base import Built, ExampleSets
from textgraft.tasks.fine_tuning.frozen import FrozenVectors
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples
from textgraft.training.features import Vectors
from textgraft.training.linear_head import LinearHead, fit_beside, replay_weights

# Options that apply, and those values of others by which it is trained anyway.
_TAKEN = ("seed", "batch_tokens", "refit", "metric", "keep_replay", "keep_reference")
_IMPLIED: Mapping[str, Any] = {"fine_tune": "none", "head": "logistic"}


class ExtendedHead(FrozenVectors):
    """Fit the head of an earlier classifier and its new labels, near the weights that it had.

    Attributes:
        earlier: the classifier that is extended.
    """

    earlier: EarlierClassifier

    def __init__(self, task: Task, config: TrainingConfig, earlier: EarlierClassifier) -> None:
        super().__init__(task, replace(config, **_IMPLIED))
        self.earlier = earlier
        replayed = len(earlier.embeddings(TRAIN))
        self.note = f"head of {earlier.source} extended by logistic regression; {replayed:,} embeddings replayed"

    def check(self, options: Mapping[str, Any]) -> None:
        defaults = {field.name: field.default for field in fields(TrainingConfig)}
        unused = [
            name
            for name, value in options.items()
            if name not in _TAKEN and value not in (None, defaults[name], _IMPLIED.get(name))
        ]
        if unused:
            raise ConfigError(
                f"a trained model is extended by logistic regression of its head alone; drop {', '.join(unused)}, or "
                "train a new model"
            )

    def build(self, examples: ExampleSets, callback: Callback) -> Built:
        """With the replayed embeddings after the training texts."""
        built = super().build(examples, callback)
        return built._replace(train=self._with_replay(built.train))

    def held_out_heads(self, train: Examples[Any], folds: np.ndarray) -> dict[int, tuple[LinearHead, LinearHead]]:
        """The heads of the earlier classifier and the new one without each fold of texts and embeddings.

        Where no embedding is in a fold, the earlier head is that of the folder. Folds are integers (n,), below 0 for
        rows that are in none.
        """
        is_replayed = np.arange(len(train)) >= len(train) - len(self.earlier.embeddings(TRAIN))
        heads = {}
        for fold in np.unique(folds[folds >= 0]):
            rows = folds != fold
            earlier = self.earlier.head
            if (is_replayed & ~rows).any():
                earlier = self._fit(train, rows & is_replayed, _zeros(earlier), 0.0)
            labels = len(self.task.output_labels)
            heads[int(fold)] = earlier, self._fit(train, rows, earlier.with_labels(labels), self.earlier.bias_penalty)
        return heads

    def _fit_layer(self, callback: Callback, layer: keras.layers.Dense, train: Examples[Any]) -> None:
        labels, trained = self.task.output_labels, set(np.asarray(train.targets).tolist())
        if absent := [labels[index] for index in range(self.earlier.labels, len(labels)) if index not in trained]:
            raise DataError(f"the new label {show_label(absent[0])} has no training text; add at least one, or drop it")
        prior = self.earlier.head.with_labels(len(labels))
        self._fit(train, np.ones(len(train), bool), prior, self.earlier.bias_penalty).assign_to(layer)

    @staticmethod
    def _fit(train: Examples[Any], rows: np.ndarray, prior: LinearHead, bias_penalty: float) -> LinearHead:
        weights = np.asarray(train.sampling_weights)[rows]
        return fit_beside(prior, train.inputs.values[rows], np.asarray(train.targets)[rows], weights, bias_penalty)

    def _with_replay(self, train: Examples[Vectors]) -> Examples[Vectors]:
        replayed, texts = self.earlier.embeddings(TRAIN), len(train)
        vectors = Vectors(texts + len(replayed), replayed.vectors.shape[1])
        vectors.put(slice(0, texts), train.inputs.values)
        vectors.put(slice(texts, len(vectors)), replayed.vectors.astype(np.float32))
        targets = np.concatenate([train.targets, replayed.targets.astype(np.int32)])
        weights = replay_weights(targets, replayed.weights, self.earlier.labels)
        return Examples(vectors, targets, sampling_weights=weights)


def _zeros(head: LinearHead) -> LinearHead:
    return LinearHead(np.zeros_like(head.kernel), np.zeros_like(head.bias))
