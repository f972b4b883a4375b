"""Fine-tuning modes: which weights of a task are trained, and on which inputs."""

from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import FineTuning
from textgraft.tasks.fine_tuning.frozen import FrozenTokens, FrozenVectors
from textgraft.tasks.fine_tuning.full import Full, LoRA
from textgraft.tasks.fine_tuning.last_blocks import LastBlocks
from textgraft.training.config import TrainingConfig


def select_mode(task: Task, config: TrainingConfig) -> FineTuning:
    """The mode that `config.fine_tune` names."""
    name, _, number = config.fine_tune.partition(":")
    if name == "all":
        return Full(task, config)
    if name == "lora":
        return LoRA(task, config, int(number))
    if name == "last":
        return LastBlocks(task, config, int(number))
    return FrozenVectors(task, config) if task.pooled else FrozenTokens(task, config)
