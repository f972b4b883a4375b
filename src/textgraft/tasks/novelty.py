"""Texts that are like none of the training: their distance from the labels in vector space.

The Mahalanobis distance (Lee et al., 2018, https://arxiv.org/abs/1807.03888) from the nearest mean of a label, by the
covariance within labels. Relative to that from the mean of all texts (Ren et al., 2021), it tells pooled vectors of
pretrained networks apart worse than chance (docs/measurements.md).
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.model_folder.novelty import NOVELTY, novelty_shapes
from textgraft.tasks.fine_tuning.base import Run
from textgraft.tasks.fine_tuning.frozen import FrozenVectors, with_pooled_vectors
from textgraft.tasks.held_out import training_folds
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.objective import Objective

REJECT_UNKNOWN = "reject_unknown"
_MAX_TEXTS = 20_000  # of the training, drawn at random


class Novelty:
    """The distance of pooled vectors.

    Attributes:
        facts: the field "novelty" of config.json.
        weights: variables by their names in a model folder: "center" (dim,), the mean of all texts; "means"
            (labels, dim), of the labels, centered and whitened; and "whitening" (dim, dim), which makes the covariance
            within labels the identity.
    """

    def __init__(self, facts: dict[str, Any], labels: int) -> None:
        self.facts = facts
        shapes: Any = novelty_shapes({"novelty": facts, "settings": {"labels": [""] * labels}})
        self.weights = {
            name: keras.Variable("zeros", shape, "float32", trainable=False, name=name.removeprefix(NOVELTY))
            for name, shape in shapes.items()
        }

    def __call__(self, vectors: tf.Tensor) -> tf.Tensor:
        """Distances, float32 (n, 1), of vectors (n, dim); graph ops."""
        center, means, whitening = (tf.convert_to_tensor(weight) for weight in self.weights.values())
        whitened = tf.matmul(tf.cast(vectors, tf.float32) - center, whitening)
        squares = tf.reduce_sum(whitened**2, axis=1, keepdims=True) + tf.reduce_sum(means**2, axis=1)
        return tf.reduce_min(squares - 2 * tf.matmul(whitened, means, transpose_b=True), axis=1, keepdims=True)

    @classmethod
    def of_vectors(cls, vectors: np.ndarray, targets: np.ndarray, labels: int) -> "Novelty":
        """Means and covariance of training texts, vectors (n, dim) with label indices (n,).

        A label without a text has the mean of all. The covariance is shrunk (Ledoit & Wolf, 2004).
        """
        vectors = vectors.astype(np.float64)
        center = vectors.mean(axis=0)
        centered = vectors - center
        means = np.zeros((labels, vectors.shape[1]))
        for label in np.unique(targets):
            means[label] = centered[targets == label].mean(axis=0)
        whitening = _whitening(centered - means[targets])
        novelty = cls({"dim": vectors.shape[1], "texts": len(vectors)}, labels)
        for weight, value in zip(novelty.weights.values(), (center, means @ whitening, whitening), strict=True):
            weight.assign(value.astype(np.float32))
        return novelty


def _whitening(vectors: np.ndarray) -> np.ndarray:
    """W (dim, dim) such that vectors @ W of mean 0 have the identity as shrunk covariance."""
    from sklearn.covariance import ledoit_wolf  # 0.5 seconds, which predictions do not need

    covariance, _ = ledoit_wolf(vectors, assume_centered=True)
    floor = np.finfo(np.float32).eps * max(float(np.trace(covariance)), 1e-30)
    values, directions = np.linalg.eigh(covariance)
    return directions / np.sqrt(np.maximum(values, floor))  # type: ignore[no-any-return]


def check_novelty(objective: Objective, config: TrainingConfig) -> None:
    """Raise a ConfigError where a model that rejects unknown texts is asked for, and such a model cannot."""
    if config.reject_unknown is not None and not isinstance(objective, SingleLabel):
        raise ConfigError("reject_unknown is for classifiers of single labels; drop it")


def fit_novelty(run: Run, callback: Callback) -> Novelty | None:
    """Distances of the vectors of a trained model, and the objective's threshold, above which texts are rejected.

    The threshold rejects the share `reject_unknown` of the validation texts; without these, of training texts that are
    held out in turn, where they did not train the vectors.

    Args:
        run: of the training, which has ended.
        callback: receives a line about the threshold, or why there is none.
    """
    config, task = run.mode.config, run.mode.task
    share, objective = config.reject_unknown, task.objective
    if share is None or not isinstance(objective, SingleLabel):
        return None
    labels = len(objective.labels)
    validation = None if run.refit else run.data.get("validation")
    if validation is None and run.mode.has_steps:
        callback.on_message(f"reject unknown {share:g}: no threshold, since no text is held out; pass --validation")
        return None
    train = run.data["train"]
    rows = np.sort(np.random.default_rng(config.seed).permutation(len(train))[:_MAX_TEXTS])
    vectors, targets = _vectors(run, train.take(rows), callback), objective.targets(train)[rows]
    novelty = Novelty.of_vectors(vectors, targets, labels)
    if validation is not None:
        distances = _distances(novelty, _vectors(run, validation, callback))
    else:
        folds = training_folds(run)[rows]
        distances = np.concatenate(
            [
                _distances(
                    Novelty.of_vectors(vectors[folds != fold], targets[folds != fold], labels), vectors[folds == fold]
                )
                for fold in np.unique(folds[folds >= 0])
            ]
        )
    return novelty if _set_threshold(objective, distances, share, callback) else None


def _set_threshold(objective: SingleLabel, distances: np.ndarray, share: float, callback: Callback) -> bool:
    """Set the distance that the share of the texts exceeds, half-way between two; False where they are too few."""
    rejected, texts = int((len(distances) + 1) * share), len(distances)
    if rejected < 1:
        callback.on_message(
            f"reject unknown {share:g}: no threshold; {texts:,} texts are too few, {1 / share - 1:.0f} would do"
        )
        return False
    ascending = np.sort(distances.astype(np.float64))
    objective.reject_above = float(ascending[texts - rejected - 1 : texts - rejected + 1].mean())
    objective.promises[REJECT_UNKNOWN] = {"target": share, "texts": texts}
    callback.on_message(
        f"rejects texts unlike those of the training: {share:.1%} of {texts:,} held-out texts are rejected"
    )
    return True


def _vectors(run: Run, data: Dataset, callback: Callback) -> np.ndarray:
    task: Any = run.mode.task
    (examples,) = with_pooled_vectors(FrozenVectors(task, run.mode.config), [task.examples(data)], callback)
    return np.asarray(examples.inputs.values)


def _distances(novelty: Novelty, vectors: np.ndarray) -> np.ndarray:
    return novelty(tf.constant(vectors)).numpy()[:, 0]  # type: ignore[no-any-return]
