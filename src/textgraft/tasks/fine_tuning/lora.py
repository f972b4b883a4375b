"""The mode that trains low-rank updates of the backbone (LoRA)."""

from contextlib import AbstractContextManager

from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import ExampleSets, FineTuning
from textgraft.training.config import TrainingConfig


class LoRA(FineTuning):
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
