"""The contract of a fine-tuning mode, which trains all weights unless a subclass overrides it."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import keras
import numpy as np

from textgraft.backbones.split_network import SplitNetwork
from textgraft.data.dataset import Dataset
from textgraft.errors import ConfigError
from textgraft.ngrams.fitting import FittedNgrams
from textgraft.task_specs import task_spec
from textgraft.tasks.base import Task
from textgraft.tasks.earlier import EarlierClassifier
from textgraft.tasks.fine_tuning.contrastive import with_contrastive_loss
from textgraft.training.callbacks import Callback
from textgraft.training.config import TrainingConfig
from textgraft.training.embedding_subset import EmbeddingSubset
from textgraft.training.epochs import rows_per_epoch
from textgraft.training.examples import Examples, TokenInputs
from textgraft.training.history import History
from textgraft.training.id_cache import IdCache
from textgraft.training.linear_head import LinearHead
from textgraft.training.loop import Training
from textgraft.training.optimizer import weight_decay
from textgraft.training.step import Network
from textgraft.training.windows import SampledWindows

# "train", and "validation" where the run has such texts
ExampleSets = Mapping[str, Examples[TokenInputs]]


class Built(NamedTuple):
    """A network, and the examples that train and validate it."""

    network: Network
    train: Examples[Any]
    validation: Examples[Any] | None


class CoTrainedNgrams(NamedTuple):
    """N-grams that were fitted with a head, to whose logits theirs are added.

    Attributes:
        fitted: the n-grams.
        held_out: logits (n, units) for the training texts by such n-grams without the text's fold, zeros in no fold.
    """

    fitted: FittedNgrams
    held_out: np.ndarray


class FineTuning:
    """Trains a task's head, and all weights of its backbone; subclasses train some or none of them.

    Attributes:
        config: every default is filled in before `build` and `estimate`.
        trains_backbone: whether weights of the backbone are trained.
        caches_activations: whether outputs of frozen blocks are computed once per text and stored.
        has_steps: whether the optimizer makes steps; if not, `solve` trains the head.
        defaults: defaults that differ from the backbone family's.
        note: an explanation for the summary of a run; may be empty.
        record: fields of the record of a finished run, beside those of all runs.
        earlier: the classifier whose head it extends; None where it extends none.
        ngrams: those that were fitted with the head; None where they are fitted by themselves.
        vectors: the examples with pooled vectors that the last `build` computed, by set; None where it computes none.
    """

    trains_backbone: ClassVar[bool] = True
    caches_activations: ClassVar[bool] = False
    has_steps: bool = True
    defaults: ClassVar[Mapping[str, Any]] = {}
    note: str = ""
    earlier: EarlierClassifier | None = None
    ngrams: CoTrainedNgrams | None = None
    vectors: ExampleSets | None = None

    def __init__(self, task: Task, config: TrainingConfig) -> None:
        self.task, self.config = task, config
        self.record: Mapping[str, Any] = {}

    @property
    def min_steps(self) -> int:
        """Fewest optimizer steps by default."""
        return task_spec(self.task.name).min_steps(len(self.task.objective.labels))

    def with_config(self, config: TrainingConfig) -> Self:
        """The same mode with other values of options that do not select it, such as the number of epochs."""
        mode = copy(self)
        mode.config, mode.record = config, {}
        return mode

    def check(self, options: Mapping[str, Any]) -> None:
        """Raise a ConfigError where the user set a field of `TrainingConfig` that mode or backbone do not support."""
        if self.config.recompute and not self.task.backbone.blocks:
            raise ConfigError(f"{self.task.backbone.family} has no blocks to recompute; drop recompute")

    def id_cache(self) -> IdCache | None:
        """The user's cache of token ids, where tokenization is a large share of the work."""
        return None

    def build(self, examples: ExampleSets, callback: Callback) -> Built:
        """The network with the examples that train and validate it; frozen blocks report their progress."""
        network = self._network(examples, self.task.model, self.task.forward, self._embedding_subset(examples))
        train = self._limit_windows(examples["train"], callback)
        return Built(self._contrastive(network), train, examples.get("validation"))

    def solve(
        self, train: Examples[Any], validation: Examples[Any] | None, callback: Callback
    ) -> tuple[History, Callable[[], np.ndarray]] | None:
        """Train the head in closed form; returns the history and a function that computes the validation logits."""
        return None

    def held_out_outputs(self, train: Examples[Any], folds: np.ndarray) -> np.ndarray | None:
        """The network's outputs (n, width) for training texts, each by a head fitted without the text's fold.

        None where that would take another training. Folds are integers (n,); texts in no fold, below 0, have zeros.
        """
        return None

    def adapted(self) -> AbstractContextManager[None]:
        """Context with weights that exist during training only."""
        return nullcontext()

    def trained_models(self) -> list[keras.Model]:
        """The models whose trainable variables are trained."""
        return [self.task.head, self.task.backbone.network]

    def parameter_counts(self) -> tuple[int, int]:
        """Number of parameters that are trained, and of all; a ConfigError where the backbone has no such mode."""
        with self.adapted():
            trainable = sum(_size(model.trainable_variables) for model in self.trained_models())
        return trainable, _size(self.task.weights.values())

    def estimate(self, examples: ExampleSets) -> tuple[float, int]:
        """Seconds of a run, and bytes of its optimizer state and copies of weights; no weight changes."""
        with self.adapted():
            sample, seconds = self._build_sample(examples)
            training = Training(*sample, self.config, Callback())
            tokens = examples["train"].inputs.tokens.lengths.sum()
            seconds += training.estimate_seconds() * tokens / max(1, sample.train.inputs.lengths.sum())
        return seconds, training.state_bytes

    def _build_sample(self, examples: ExampleSets) -> tuple[Built, float]:
        """`build` for the first texts, and the seconds that it takes for all of them."""
        return self.build(examples, Callback()), 0.0

    def _embedding_subset(self, examples: ExampleSets) -> EmbeddingSubset | None:
        """The rows of the token table that these texts use; None where the head uses all rows."""
        if self.task.ties_embeddings:
            return None
        ids = {name: part.inputs.tokens.ids for name, part in examples.items()}
        validation_ids = ids.get("validation", np.empty(0, np.int32))
        table, decay = self.task.backbone.token_embedding, weight_decay(self.config)
        return EmbeddingSubset(table, ids["train"], validation_ids, decay)

    def _network(
        self,
        examples: ExampleSets,
        layers: keras.Model,
        forward: Callable[..., Any],
        embedding_subset: EmbeddingSubset | None = None,
    ) -> Network:
        objective, backbone = self.task.objective, self.task.backbone
        training_loss = objective.training_loss(self.config.balance, examples["train"].targets)
        recomputed = backbone.blocks if self.config.recompute else ()
        return Network(layers, forward, objective, training_loss, embedding_subset, backbone.layer_index, recomputed)

    def _contrastive(self, network: Network, split: SplitNetwork | None = None) -> Network:
        """A network of the whole task, or of its head and trainable blocks, with the contrastive loss if it is on."""
        return with_contrastive_loss(network, self.task, split) if self.config.contrastive else network

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


class Unlabelled(NamedTuple):
    """Texts without labels beside those of a run.

    Attributes:
        data: the texts.
        examples: their token ids, with targets that mean nothing.
        mode_for: the mode of the training on labelled texts and some of these, by the number of rows.
        rows: those that follow the labelled texts among the training examples, with the model's own labels, int (m,).
        ngrams: whether n-grams may be a part of the model.
        head: the head that gave these labels, from which the training starts; None before there is one.
    """

    data: Dataset
    examples: Examples[TokenInputs]
    mode_for: Callable[[int], "FineTuning"]
    rows: np.ndarray
    ngrams: bool
    head: LinearHead | None = None


@dataclass(frozen=True)
class Run:
    """A prepared training run: a mode with its final config; its sets as data and as token ids (see `ExampleSets`).

    Attributes:
        refit: the run that follows on all texts, for as many epochs as are best in this one.
        last_epoch: the epoch to end after, where an earlier run selected it and calibrated the model.
        unlabelled: texts without labels, where they are to train the model too.
    """

    mode: FineTuning
    data: Mapping[str, Dataset]
    examples: ExampleSets
    refit: "Run | None" = None
    last_epoch: int | None = None
    unlabelled: Unlabelled | None = None

    @property
    def all_data(self) -> dict[str, Dataset]:
        """The sets of texts, those without labels as "unlabelled"."""
        return {**self.data, **({"unlabelled": self.unlabelled.data} if self.unlabelled else {})}

    @property
    def targets(self) -> Any:
        """The targets of the training texts that have labels."""
        targets, texts = self.examples["train"].targets, len(self.data["train"])
        return targets[:texts] if self.unlabelled else targets

    def training_row(self, row: int) -> tuple[Dataset, int]:
        """The data set that a row of the training examples is from, and its row there."""
        train = self.data["train"]
        if self.unlabelled is None or row < len(train):
            return train, row
        return self.unlabelled.data, int(self.unlabelled.rows[row - len(train)])

    @property
    def is_cross_validated(self) -> bool:
        """Whether training texts that are held out in turn validate the model."""
        return "validation" not in self.data and self.last_epoch is None

    @property
    def rows_per_epoch(self) -> int:
        """Rows of an epoch, oversampled ones included."""
        train = self.examples["train"]
        return rows_per_epoch(len(train), train.sampling_weights)

    @property
    def steps_per_epoch(self) -> int:
        """Optimizer steps of an epoch."""
        return -(-self.rows_per_epoch // (self.mode.config.batch_size or 1))


def _size(variables: Iterable[keras.Variable]) -> int:
    return sum(int(np.prod(variable.shape)) for variable in variables)
