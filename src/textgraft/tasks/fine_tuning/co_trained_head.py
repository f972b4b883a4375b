"""The mode of a frozen backbone whose head is trained on unlabelled texts too."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import Built, CoTrainedNgrams, ExampleSets
from textgraft.tasks.fine_tuning.frozen import FrozenVectors
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples
from textgraft.training.linear_head import LinearHead


class CoTrainedHead(FrozenVectors):
    """Set the head to one that co-training fitted (`tasks.co_training`).

    Args:
        task: the task to be trained.
        config: of the training.
        vectors: the sets of the run with pooled vectors, by name.
        head: fitted to the training texts and the unlabelled ones.
        held_out: outputs (n, units) for the training texts by such heads without the text's fold, zeros in no fold.
        ngrams: fitted with the head.
    """

    vectors: Mapping[str, Examples[Any]]

    def __init__(
        self,
        task: Task,
        config: TrainingConfig,
        vectors: Mapping[str, Examples[Any]],
        head: LinearHead,
        held_out: np.ndarray,
        ngrams: CoTrainedNgrams,
    ) -> None:
        super().__init__(task, config)
        self.ngrams = ngrams
        self.vectors, self._head, self._held_out = vectors, head, held_out
        self.note = "head trained by logistic regression on stored embeddings, also of unlabelled texts"

    def build(self, examples: ExampleSets, callback: Callback) -> Built:
        network = self._network(examples, self.task.head, self.task.head)
        return Built(network, self.vectors["train"], self.vectors.get("validation"))

    def held_out_outputs(self, train: Examples[Any], folds: np.ndarray) -> np.ndarray | None:
        return self._held_out

    def _fit_layer(self, callback: Callback, layer: keras.layers.Dense, train: Examples[Any]) -> None:
        self._head.assign_to(layer)
