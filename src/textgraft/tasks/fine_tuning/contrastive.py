"""Contrastive fine-tuning: the classifiers that it suits, and the network that it trains."""

from functools import partial

from textgraft.backbones.split_network import SplitNetwork
from textgraft.data.metrics import SINGLE_LABEL
from textgraft.tasks.base import Task
from textgraft.tasks.label_descriptions import label_vectors
from textgraft.training.contrastive import ContrastiveNetwork
from textgraft.training.step import Network


def why_not_contrastive(task: Task) -> str:
    """Why a task cannot be trained with a contrastive loss; empty where it can."""
    if not task.pooled or task.objective.selectable != SINGLE_LABEL:
        return "contrastive needs one label per text; drop it for sets of labels, numbers, entities and text generation"
    if task.windowed and task.architecture.hidden:
        return "contrastive with windows does not support hidden; drop one"
    return ""


def with_contrastive_loss(network: Network, task: Task, split: SplitNetwork | None = None) -> Network:
    """A task's network with the contrastive loss of pooled vectors; descriptions of the labels are its anchors.

    Errors: see `label_vectors`.
    """
    anchors = label_vectors(task, task.descriptions)[0] if task.descriptions else None
    pool = partial(task.pool, split=split)
    return ContrastiveNetwork(**vars(network), pool=pool, head=task.head, anchors=anchors)
