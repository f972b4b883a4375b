"""Task specs, one per file: checks of a task's data and the schema of its model folders, without TensorFlow."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from textgraft import registry
from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.format import Format
from textgraft.data.loading import Source, load_datasets, open_source
from textgraft.data.metrics import LANGUAGE_MODEL, Metric
from textgraft.data.text_files import STANDARD_INPUT
from textgraft.errors import ConfigError
from textgraft.storage.schema import NUMBER, Integer, Object, Schema

ShapePattern = tuple[int | None, ...]  # None for a size that is not determined

_DEFAULT_TASK = "text-classification"


@dataclass(frozen=True)
class ModelSchema:
    """The parts of a model folder's config that depend on the task.

    Attributes:
        settings: schema of `Task.settings()`.
        validation: metrics in the history's row of the best epoch.
        test: metrics of the final test, without "truncated".
        headline: the metrics to show, the most important first; those of a test may have an `_interval`.
    """

    settings: Schema
    validation: Object = field(default_factory=lambda: Object({}, others=NUMBER))
    test: Object = field(default_factory=lambda: Object({}))
    headline: tuple[str, ...] = ()


class TaskSpec(ABC):
    """A task without its networks.

    Attributes:
        class_path: "module:class" of the `tasks.base.Task` that builds and trains the networks.
        dataset_class: the class of its data.
        labelled: whether rows have labels, so that models of any kind can be compared by their scores.
        pooled: whether the head takes one vector per text.
        has_answers: whether a model answers a text by labels, numbers or a vector, which exports and the server give.
        replays: whether a model can keep embeddings of its training texts, which a later training replays.
        needs: an attribute of `backbones.family.Family` that must be true, such as "is_causal"; empty for none.
    """

    class_path: ClassVar[str]
    dataset_class: ClassVar[type[Dataset]] = Dataset
    labelled: ClassVar[bool] = True
    pooled: ClassVar[bool] = True
    has_answers: ClassVar[bool] = True
    replays: ClassVar[bool] = False
    needs: ClassVar[str] = ""

    # === Data ===

    def matches(self, reader: Format, reading: Reading) -> bool:
        """Whether the columns of a split, or their first cells, identify the task; uses up rows of the reader."""
        return False

    def load_slices(self, source: Source, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
        """The slices of a source that `split` names, or its only split for None; see `loading.load_datasets`.

        Raises:
            ConfigError: for an option of `reading` that does not suit the task.
            DataError: when the source is missing or malformed.
        """
        return load_datasets(source, split, reading)

    def from_lists(self, texts: Any, labels: Any, reading: Reading) -> Dataset:
        """A dataset from texts and labels in memory, which may be None; errors are those of `Dataset.from_lists`."""
        return Dataset.from_lists(texts, labels, problem=reading.problem)

    @abstractmethod
    def check(self, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        """Check that a model can be trained on `train` and evaluated on `others`; returns warnings for the user.

        Raises:
            DataError: when a value does not fit the task, naming it.
        """

    def settings_from(self, train: Dataset) -> dict[str, Any]:
        """Arguments of the task's constructor that depend on the training set."""
        return {}

    def sample_size(self, data: Dataset) -> int:
        """Number of independent trials over which a score of this data averages: by default its rows."""
        return len(data)

    def problem(self, train: Dataset) -> str | None:
        """One of `data.labels.PROBLEMS`; None where the data is not single texts with labels."""
        return None

    def min_steps(self, labels: int) -> int:
        """Fewest optimizer steps of a training by default, for a number of labels.

        With fewer, a network stays close to its pretrained weights (docs/measurements.md; Mosbach et al., 2021,
        https://arxiv.org/abs/2006.04884).
        """
        return 100

    def metrics(self, train: Dataset) -> tuple[Metric, ...]:
        """The validation metrics that can select an epoch, the default first: by default those of language models."""
        return LANGUAGE_MODEL

    # === Model folder ===

    @abstractmethod
    def schema(self, settings: Mapping[str, Any]) -> ModelSchema:
        """The schema of a model folder with these settings, which are not yet checked."""

    def constructor_options(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of a model folder as arguments of the task's constructor."""
        return dict(settings)

    def takes_ngrams(self, settings: Mapping[str, Any]) -> bool:
        """Whether a model with these settings can have an n-gram model beside its network."""
        return False

    def weight_shapes(self, settings: Mapping[str, Any], hidden: Sequence[int]) -> Mapping[str, ShapePattern] | None:
        """The shapes of the weights that settings and the widths of hidden layers determine; None if unknown.

        Keys are ends of names; all that begin with "head/" are all weights of the head.
        """
        return None

    def unsuitable(self, config: Mapping[str, Any]) -> str:
        """Why a config whose fields are valid does not suit the task; empty if it does."""
        return ""

    def usage(self, settings: Mapping[str, Any]) -> str:
        """Code that calls a model with these settings, for the model card."""
        return 'predict(["a text"])'


def dense_shapes(**widths: int) -> dict[str, ShapePattern]:
    """The shapes of dense layers of a head, by the widths of their outputs."""
    shapes: dict[str, ShapePattern] = {}
    for name, width in widths.items():
        shapes |= {f"head/{name}/kernel": (None, width), f"head/{name}/bias": (width,)}
    return shapes


def hidden_shapes(hidden: Sequence[int], outputs: int) -> dict[str, ShapePattern]:
    """The shapes of a head of hidden layers and a layer of logits."""
    return dense_shapes(**{f"hidden_{index}": width for index, width in enumerate(hidden)}, logits=outputs)


def perplexity_schema(settings: Schema) -> ModelSchema:
    """The schema of a language model, with these settings."""
    return ModelSchema(
        settings,
        validation=Object({"val_loss": NUMBER, "val_perplexity": NUMBER}, others=NUMBER),
        test=Object({"texts": Integer(1), "tokens": Integer(1), "loss": NUMBER, "perplexity": NUMBER}),
        headline=("perplexity",),
    )


def task_spec(task: str) -> TaskSpec:
    """The spec of a task, by its id.

    Raises:
        ConfigError: when there is no such task.
    """
    if task not in task_names():
        raise ConfigError(f"unknown task {task!r}; choose one of {', '.join(task_names())}")
    return registry.implementation("task_specs", task.replace("-", "_"), TaskSpec)()


def task_names() -> tuple[str, ...]:
    """The ids of all tasks, as Hugging Face names them."""
    return tuple(name.replace("_", "-") for name in registry.names("task_specs"))


def infer_task(source: str, reading: Reading) -> str:
    """The id of the task that a source's columns or first cells identify, by default text-classification.

    Raises:
        DataError: when the source is missing or malformed.
    """
    if source == STANDARD_INPUT:
        return _DEFAULT_TASK
    reader = next(iter(open_source(source, reading.file, reading.format).values()))
    return next((name for name in task_names() if task_spec(name).matches(reader, reading)), _DEFAULT_TASK)
