"""The embeddings of training texts that a classifier keeps, for a later training with further labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError, TrainingError
from textgraft.model_folder.replay import (
    MAX_REPLAY_BYTES,
    REPLAYED_SETS,
    Embeddings,
    Replay,
    no_embeddings,
    why_no_replay,
)
from textgraft.storage.finite import is_finite
from textgraft.task_specs import task_spec
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.fine_tuning.frozen import FrozenVectors, with_pooled_vectors
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig


def check_replay(task: Task, config: TrainingConfig) -> None:
    """Raise a ConfigError where embeddings are to be kept that no later training could replay."""
    if not config.keep_replay:
        return
    if not task_spec(task.name).replays:
        raise ConfigError(f"keep_replay is for classifiers, not for {task.name}; drop keep_replay")
    if problem := why_no_replay(task.settings(), {"hidden": task.architecture.hidden}):
        raise ConfigError(f"this model cannot be extended later: {problem}; drop keep_replay")
    if config.ngrams:
        raise ConfigError("a model that is extended loses its n-grams; drop ngrams or keep_replay")


def make_replay(run: Run, callback: Callback) -> Replay:
    """Embed a sample of the texts of each set by the trained backbone, and add the embeddings of an earlier model.

    Raises:
        TrainingError: where they are too large for their file, or for float16.
    """
    trained, earlier, per_label = run.refit or run, run.mode.earlier, run.mode.config.keep_replay or 0
    sets = {}
    for name in REPLAYED_SETS:
        parts = [_embed(run, trained.data[name], per_label, callback)] if name in trained.data else []
        if earlier or not parts:
            parts.append(earlier.embeddings(name) if earlier else no_embeddings(run.mode.task.backbone.dim))
        sets[name] = sample_embeddings(parts, per_label, run.mode.config.seed)
    size = sum(array.nbytes for rows in sets.values() for array in rows.arrays)
    if size > MAX_REPLAY_BYTES:
        raise TrainingError(
            f"{per_label:,} embeddings per label take {size:,} bytes, more than {MAX_REPLAY_BYTES:,}; lower keep_replay"
        )
    if not all(is_finite(rows.vectors) for rows in sets.values()):
        raise TrainingError("an embedding is beyond the range of float16; drop keep_replay")
    inherited = bool(earlier and earlier.replay and earlier.replay.trained_backbone)
    return Replay(per_label, run.mode.trains_backbone or inherited, sets)


def _embed(run: Run, data: Dataset, per_label: int, callback: Callback) -> Embeddings:
    """The embeddings of a sample of the texts."""
    task: Any = run.mode.task
    targets = task.objective.targets(data)
    rows, weights = _choose(targets, np.ones(len(targets)), per_label, run.mode.config.seed)
    sample = task.examples(data.take(rows))
    (examples,) = with_pooled_vectors(FrozenVectors(task, run.mode.config), [sample], callback)
    return Embeddings(_narrow(examples.inputs.values), targets[rows].astype(np.uint32), weights)


def sample_embeddings(parts: Sequence[Embeddings], per_label: int, seed: int) -> Embeddings:
    """At most `per_label` embeddings of each label, whose weights still sum to the texts of the label."""
    vectors, targets, weights = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("vectors", "targets", "weights")
    )
    rows, weights = _choose(targets, weights, per_label, seed)
    return Embeddings(vectors[rows], targets[rows], weights)


def _choose(targets: np.ndarray, weights: np.ndarray, per_label: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ascending rows, at most `per_label` of each label, and their weights, whose sum stays that of the label."""
    random, chosen, factors = np.random.default_rng(seed), [], np.ones(len(targets))
    for label in np.unique(targets):
        rows = np.flatnonzero(targets == label)
        sample = random.permutation(rows)[:per_label]
        factors[sample] = weights[rows].sum() / weights[sample].sum()
        chosen.append(sample)
    selected = np.sort(np.concatenate(chosen)) if chosen else np.empty(0, np.int64)
    return selected, (weights * factors)[selected].astype(np.float32)


def _narrow(vectors: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return vectors.astype(np.float16)
