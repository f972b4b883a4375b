"""The sample of texts of a training that a model keeps, with its vectors and answers, to recognize drift."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from textgraft.data.dataset import Dataset
from textgraft.data.predicted_entities import Entity
from textgraft.data.seen_texts import TRAIN, VALIDATION
from textgraft.data.tagged import TaggedDataset
from textgraft.model_folder.reference import Reference, project_vectors, to_int8
from textgraft.task_specs import task_spec
from textgraft.tasks.base import Task
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.text_features import (
    TextFeatures,
    classifier_features,
    entity_features,
    features_of_outputs,
    join_features,
)
from textgraft.tasks.texts import WINDOW
from textgraft.training.token_ids import TruncationCount


def make_reference(run: Run) -> Reference | None:
    """What a trained model computes for a random sample of its validation texts, or else of its training texts.

    None where the user wants none, and for tasks without labels.
    """
    mode, count = run.mode, run.mode.config.keep_reference
    task: Any = mode.task
    if not count or not task_spec(task.name).labelled:
        return None
    # The vectors of a frozen backbone are those of the last training, which is on all texts if there is a refit.
    sets = (run.refit or run).data if mode.vectors else run.data
    name = VALIDATION if VALIDATION in sets else TRAIN
    rows = np.sort(np.random.default_rng(mode.config.seed).permutation(len(sets[name]))[:count])
    data = sets[name].take(rows)
    if mode.vectors:
        inputs: Any = mode.vectors[name].inputs
        vectors = np.asarray(inputs.values[rows])
        outputs = task.complete_outputs(_inputs(data), task.head(vectors, training=False).numpy())
        features = features_of_outputs(task.objective, vectors, outputs)
    else:
        features = join_features(_computed_features(task, data))
    is_trained = mode.trains_backbone and (name == TRAIN or run.refit is not None)
    return reference_of(task, text_lengths(data), features, is_trained)


def reference_of(task: Task, lengths: np.ndarray, features: TextFeatures, is_trained: bool = False) -> Reference:
    """Features of n texts in the form in which they are compared; `lengths` are characters of each, int (n,)."""
    vectors, scales = to_int8(project_vectors(features.vectors))
    labels = task.objective.classes if hasattr(task.objective, "classes") else task.objective.labels
    ids = {label: index for index, label in enumerate(labels)}
    answers = [_labels(answer) for answer in features.answers] if ids else [[] for _ in features.answers]
    return Reference(
        vectors,
        scales,
        lengths.astype(np.uint32),
        np.array([len(answer) for answer in answers], np.uint32),
        np.array([ids[label] for answer in answers for label in answer], np.uint32),
        np.zeros(len(answers)) if ids else np.array(features.answers, np.float64),
        is_trained,
    )


def text_lengths(data: Dataset) -> np.ndarray:
    """Characters of each text, those of pairs together, int64 (n,)."""
    return np.array([len(text.decode()) for batch in data.batches() for text in batch.joined], np.int64)


def _inputs(data: Dataset) -> np.ndarray:
    return np.concatenate([batch.inputs for batch in data.batches(WINDOW)])


def _computed_features(task: Any, data: Dataset) -> Iterator[TextFeatures]:
    if isinstance(data, TaggedDataset):
        for rows in data.windows(WINDOW):
            yield entity_features(task, list(data.take(rows)))
    else:
        yield from classifier_features(task, (batch.inputs for batch in data.batches(WINDOW)), TruncationCount())


def _labels(answer: Any) -> list[Any]:
    """The labels of an answer: itself, those of a set, or those of entities."""
    if not isinstance(answer, list):
        return [answer]
    return [item.label if isinstance(item, Entity) else item for item in answer]
