"""text-classification: one label per text, a set of labels, or a number."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import RenderableType

from textgraft.backbones.base import Backbone
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.tasks.objectives.base import Objective
from textgraft.tasks.objectives.multi_label import MultiLabel
from textgraft.tasks.objectives.regression import Regression
from textgraft.tasks.objectives.single_label import SingleLabel
from textgraft.tasks.texts import Texts, as_batches
from textgraft.tasks.trainable import TrainableTask, Watch
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.token_ids import IdCache, TruncationCount

_PROBLEMS: dict[str, type[Objective]] = {kind.name: kind for kind in (SingleLabel, MultiLabel, Regression)}


class TextClassifier(TrainableTask):
    """Texts, or pairs of texts, to answers.

    Attributes:
        problem: what an answer is, and how it is learned.
        pairs: whether each text has a second one.
    """

    name = "text-classification"

    def __init__(
        self,
        preset: str | Path | Backbone,
        labels: Sequence[str] = (),
        precision: str = "auto",
        *,
        problem: str = SingleLabel.name,
        pairs: bool = False,
        **others: Any,
    ) -> None:
        """Load the backbone and put an untrained head on it.

        Args:
            preset: see `load_backbone`.
            labels: different strings; `predict` speaks them. Regression has none.
            precision: "auto", "float32" or "mixed_bfloat16".
            problem: "single-label", "multi-label" or "regression".
            pairs: whether each text has a second one.
            others: fields of `Architecture`, what `tasks.base.Task` takes, and what the problem's class in
                `tasks.problems` does.

        Raises:
            ConfigError: for a problem that is unknown, or labels that do not suit it.
        """
        if problem not in _PROBLEMS:
            raise ConfigError(f"problem {problem!r} is unknown; choose one of {', '.join(_PROBLEMS)}")
        kind: Any = _PROBLEMS[problem]
        own = {name: others.pop(name) for name in kind.own if name in others}
        self.problem: Objective = kind(labels, **own)
        self.score, self.pairs = self.problem.score, pairs
        super().__init__(preset, precision, **others)

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels; none for regression."""
        return self.problem.labels

    def build_head(self) -> keras.Model:
        """Dropout, the hidden layers, and a layer of logits; in float32."""
        seed, rate = self.architecture.seed, self.architecture.dropout
        x = vector = keras.Input((self.backbone.dim,), name="vector")
        for number, width in enumerate(self.architecture.hidden):
            x = keras.layers.Dropout(rate, seed=seed + number, name=f"dropout_{number}")(x)
            first = keras.initializers.GlorotUniform(seed=seed + number)
            x = keras.layers.Dense(width, "relu", kernel_initializer=first, dtype="float32", name=f"hidden_{number}")(x)
        number = len(self.architecture.hidden)
        x = keras.layers.Dropout(rate, seed=seed + number, name=f"dropout_{number}")(x)
        # Small: a wild head would tear at the backbone in the first steps.
        first = keras.initializers.TruncatedNormal(stddev=0.02, seed=seed + number)
        x = keras.layers.Dense(self.problem.width, kernel_initializer=first, dtype="float32", name="logits")(x)
        return keras.Model(vector, x, name="head")

    def settings(self) -> dict[str, Any]:
        """The problem, what it needs, and whether texts are pairs."""
        problem = {} if isinstance(self.problem, SingleLabel) else {"problem": self.problem.name}
        return {**problem, **self.problem.settings(), **({"pairs": True} if self.pairs else {})}

    def objective(self, balance: str, train: Examples[TokenInputs]) -> Callable[[Any, tf.Tensor], tf.Tensor] | None:
        """The problem's, for "weights" and "focal"."""
        return self.problem.objective(balance, train.targets)

    def sampling_weights(self, train: Examples[TokenInputs]) -> np.ndarray:
        """As much more often as a text's rarest label is rarer than the most frequent one, float64 (n,)."""
        return self.problem.sampling_weights(train.targets)

    def survey(self, train: Dataset) -> None:
        """What the problem takes from the training set."""
        self.problem.survey(train)

    def undo(self) -> Callable[[], None]:
        """Gives the problem what it has now."""
        return partial(vars(self.problem).update, dict(vars(self.problem)))

    def settle(self, targets: Any, outputs: Callable[[], Any]) -> str:
        """What the problem takes from the validation set."""
        return self.problem.settle(targets, outputs()) if self.problem.settles else ""

    def examples(self, data: Dataset, kept: IdCache | None = None) -> Examples[TokenInputs]:
        """Token ids, and the problem's targets."""
        return Examples(self.tokenize(as_batches(data), kept), self.problem.targets(data))

    def measured(self, data: Dataset, truncated: TruncationCount, watch: Watch) -> dict[str, Any]:
        """The problem's metrics."""
        self.problem.targets(data)  # a label that is unknown is told before the work
        return self.problem.measured(data, np.concatenate(list(self.outputs(watch(as_batches(data)), truncated))))

    def for_folder(self, found: dict[str, Any]) -> dict[str, Any]:
        """What the problem keeps."""
        return self.problem.for_folder(found)

    @property
    def answer_columns(self) -> tuple[str, ...]:
        """The problem's."""
        return self.problem.columns

    def answers(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[list[Sequence[Any]]]:
        """Stream the problem's answers."""
        for logits in self.outputs(texts, truncated):
            yield self.problem.answers(logits)

    def summary(self) -> str:
        """How many labels, or that answers are numbers."""
        return self.problem.summary

    def report(self, found: dict[str, Any]) -> RenderableType:
        """The problem's tables."""
        return self.problem.report(found)

    def predict(self, texts: Texts) -> list[Any]:
        """The label of each text, the list of its labels, or its number."""
        return [answer for part in self.probabilities(as_batches(texts)) for answer in self.decode(part)]

    def predict_proba(self, texts: Texts) -> np.ndarray:
        """Float32 (n, labels): the probability of each label, in the order of `labels`.

        Raises:
            ConfigError: for regression.
        """
        if not self.labels:
            raise ConfigError("regression has no probabilities; take predict")
        parts = list(self.probabilities(as_batches(texts)))
        return np.concatenate(parts) if parts else np.empty((0, len(self.labels)), np.float32)

    def probabilities(
        self, texts: Iterable[np.ndarray], truncated: TruncationCount | None = None
    ) -> Iterator[np.ndarray]:
        """Stream probabilities; of regression, the numbers.

        Args:
            texts: object arrays of UTF-8 bytes, (n,) or, for pairs, (n, 2).
            truncated: what it takes is added to this.

        Yields:
            float32 (m, labels) for one window of texts after the other.
        """
        for logits in self.outputs(texts, truncated):
            yield self.problem.probabilities(logits)

    def decode(self, probabilities: np.ndarray) -> list[Any]:
        """What `probabilities` gave to labels, lists of labels or numbers."""
        return self.problem.decode(probabilities)

    def loss(self, targets: Any, logits: tf.Tensor) -> tf.Tensor:
        """The problem's, float32 (b,)."""
        return self.problem.loss(targets, logits)

    def scores(self, targets: Any, logits: np.ndarray) -> dict[str, float]:
        """The problem's, for the history's validation."""
        return self.problem.scores(targets, logits)

    def metrics(self, targets: Any, logits: np.ndarray) -> dict[str, float]:
        """The problem's, for the history."""
        return self.problem.metrics(targets, logits)
