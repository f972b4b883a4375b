"""The contract of a fine-tuning mode."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, ClassVar

import keras
import numpy as np

from textgraft import runtime
from textgraft.storage.array_cache import ArrayCache
from textgraft.tasks.base import Task
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.features import FeatureExtractor
from textgraft.training.history import History
from textgraft.training.loop import Training
from textgraft.training.progress import Callback
from textgraft.training.step import Network
from textgraft.training.windows import SampledWindows

# "train" and "validation"
ExampleSets = Mapping[str, Examples[TokenInputs]]


class FineTuning(ABC):
    """A task's head on a backbone of which all, some or no weights are trained.

    Attributes:
        task: has backbone, head and objective.
        config: every default is filled in before `build` and `estimate`.
        trains_backbone: whether weights of the backbone are trained.
        caches_activations: whether outputs of frozen blocks are computed once per text and stored.
        caches_token_ids: whether tokenization is a large share of the work, so that a cache between runs pays.
        defaults: defaults that differ from the backbone family's.
        note: an explanation for the summary of a run; may be empty.
    """

    trains_backbone: ClassVar[bool] = True
    caches_activations: ClassVar[bool] = False
    caches_token_ids: ClassVar[bool] = False
    defaults: ClassVar[Mapping[str, Any]] = {}
    note: str = ""

    def __init__(self, task: Task, config: TrainingConfig) -> None:
        self.task, self.config = task, config

    @property
    def has_steps(self) -> bool:
        """Whether the optimizer makes steps; if not, `solve` trains the head."""
        return True

    def check(self, options: Mapping[str, Any]) -> None:
        """Check the options of a run.

        Args:
            options: fields of `TrainingConfig` that the user set.

        Raises:
            ConfigError: for an option that the mode does not support.
        """
        return

    @abstractmethod
    def build(self, examples: ExampleSets, callback: Callback) -> tuple[Network, Examples[Any], Examples[Any]]:
        """The network with the examples that train and validate it.

        Args:
            examples: token ids and targets.
            callback: receives the number of texts that went through frozen blocks.
        """

    def solve(
        self, train: Examples[Any], validation: Examples[Any], callback: Callback
    ) -> tuple[History, Callable[[], np.ndarray]] | None:
        """Train the head in closed form.

        Returns:
            the history, and a function that computes the validation logits; None where training takes steps.
        """
        return None

    def adapted(self) -> AbstractContextManager[None]:
        """Context with weights that exist during training only."""
        return nullcontext()

    def trained_models(self) -> list[keras.Model]:
        """The models whose trainable variables are trained."""
        return [self.task.head, self.task.backbone.network]

    def parameter_counts(self) -> tuple[int, int]:
        """Number of parameters that are trained, and of all.

        Raises:
            ConfigError: when the backbone does not support the mode.
        """
        with self.adapted():
            trainable = sum(_size(model.trainable_variables) for model in self.trained_models())
        return trainable, _size(self.task.weights.values())

    def estimate(self, examples: ExampleSets) -> tuple[float, int]:
        """Time some texts and steps that change no weight.

        Returns:
            seconds of the whole run, and bytes of its optimizer state and copies of weights.
        """
        tokens = examples["train"].inputs.tokens
        with self.adapted():
            network, train, validation, seconds = self._build_sample(examples)
            training = Training(network, train, validation, self.config, SilentCallback())
            seconds += training.estimate_seconds() * tokens.lengths.sum() / max(1, train.inputs.lengths.sum())
        if self.config.head == "logistic":
            seconds += self.feature_extractor().estimate_seconds(tokens)
        return seconds, training.state_bytes

    def feature_extractor(self) -> FeatureExtractor:
        """The backbone with its current weights, and the user's cache of pooled vectors."""
        task, batch_tokens, cache = self.task, self.config.batch_tokens, ArrayCache.from_environment()
        settings = {
            "pooling": task.architecture.pooling, "precision": task.precision, "versions": runtime.versions(),
            "batch_tokens": batch_tokens,  # the padding of a text changes the last bits of its vector
        }  # fmt: skip
        return FeatureExtractor(task.pool, task.input_spec, task.backbone, settings, cache, batch_tokens)

    def with_pooled_vectors(self, sets: Collection[Examples[TokenInputs]], callback: Callback) -> list[Examples[Any]]:
        """Examples with pooled vectors in place of token ids.

        Args:
            sets: token ids and targets.
            callback: receives the number of texts that went through the backbone.
        """
        extractor, on_texts = self.feature_extractor(), report_texts(sets, callback)
        return [
            examples.with_vectors(extractor.extract(examples.inputs.tokens, on_texts, callback.on_message))
            for examples in sets
        ]

    def _build_sample(self, examples: ExampleSets) -> tuple[Network, Examples[Any], Examples[Any], float]:
        """`build` for the first texts, and the seconds that it takes for all of them."""
        return *self.build(examples, SilentCallback()), 0.0

    def _network(
        self,
        examples: ExampleSets,
        layers: keras.Model,
        forward: Callable[..., Any],
        embedding_subset: EmbeddingSubset | None = None,
    ) -> Network:
        objective = self.task.objective
        return Network(
            layers,
            forward,
            objective,
            objective.training_loss(self.config.balance, examples["train"].targets),
            embedding_subset,
            self.task.backbone.depth,
        )

    def _limit_windows(self, train: Examples[Any], callback: Callback) -> Examples[Any]:
        """Training examples in which no text has more windows than fit in memory."""
        limit = self.task.max_windows
        if not self.task.windowed or train.inputs.windows.lengths.max(initial=0) <= limit:
            return train
        sampled = SampledWindows(train, train.inputs.windows, limit, self.config.seed)
        callback.on_message(
            f"{sampled.sampled:,} texts have more than {limit} windows; each epoch trains on {limit} random ones"
        )
        return sampled


class SilentCallback:
    """A callback that does nothing."""

    def on_features_extracted(self, texts: int, total: int) -> None:
        return

    def on_step_end(self, epoch: int, texts: int, means: dict[str, float], seconds_left: float | None) -> None:
        return

    def on_epoch_end(self, record: dict[str, float]) -> None:
        return

    def on_message(self, line: str) -> None:
        return


def report_texts(sets: Collection[Examples[TokenInputs]], callback: Callback) -> Callable[[int], None]:
    """A function that tells a callback how many texts went through frozen blocks."""
    return partial(callback.on_features_extracted, total=sum(map(len, sets)))


def _size(variables: Iterable[keras.Variable]) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)
