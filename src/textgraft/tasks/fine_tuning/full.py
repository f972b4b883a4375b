"""Modes that run every text through the whole backbone in each epoch: all weights, or low-rank updates (LoRA)."""

from contextlib import AbstractContextManager
from typing import Any

from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import ExampleSets, FineTuning
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.examples import Examples
from textgraft.training.optimizer import weight_decay
from textgraft.training.progress import Callback
from textgraft.training.step import Network


class Full(FineTuning):
    """Train head and backbone."""

    def build(self, examples: ExampleSets, callback: Callback) -> tuple[Network, Examples[Any], Examples[Any]]:
        network = self._network(examples, self.task.model, self.task.forward, self._embedding_subset(examples))
        return network, self._limit_windows(examples["train"], callback), examples["validation"]

    def _embedding_subset(self, examples: ExampleSets) -> EmbeddingSubset | None:
        """The rows of the token table that these texts use; None where the head uses all rows."""
        if self.task.ties_embeddings:
            return None
        train, validation = (examples[name].inputs.tokens.ids for name in ("train", "validation"))
        return EmbeddingSubset(self.task.backbone.token_embedding, train, validation, weight_decay(self.config))


class LoRA(Full):
    """Train the head, and low-rank updates of query and value weights (Hu et al., 2021).

    References:
        https://arxiv.org/abs/2106.09685
    """

    def __init__(self, task: Task, config: TrainingConfig, rank: int) -> None:
        super().__init__(task, config)
        self._rank = rank

    def adapted(self) -> AbstractContextManager[None]:
        """The updates exist during the training, and are merged into the weights after it."""
        return self.task.backbone.lora(self._rank, self.config.seed)

    def _embedding_subset(self, examples: ExampleSets) -> None:
        """The token table is not trained."""
