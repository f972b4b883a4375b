"""Arguments and options that several commands share and that configure no Python class."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.data.slices import VALIDATION_SHARE
from textgraft.engines.names import ENGINES, ONNX, PREDICTION_PRECISIONS, TENSORFLOW, check_engine
from textgraft.errors import ConfigError
from textgraft.options import CheckedOptions, option
from textgraft.runtime import PRECISIONS
from textgraft.shards.executors import RAY, require_ray
from textgraft.training.config import SAVE_MINUTES
from textgraft.training.recipes import BALANCED, RECIPES
from textgraft.training.run_logs import LOG_KINDS

if TYPE_CHECKING:
    from textgraft.data_checks.training_check import TrainingCheck

Data = Annotated[
    str | None,
    typer.Argument(help="Source: CSV, TSV, Excel, JSON, Parquet, lines or CoNLL, a folder, tfds:NAME, hf:NAME."),
]
Folder = Annotated[Path, typer.Argument(help="Model folder.")]
Config = Annotated[
    Path | None,
    typer.Option(help="TOML file with these options as keys; flags override it.  \\[none]", rich_help_panel="Advanced"),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one line of JSON instead of tables.  \\[off]", rich_help_panel="Output")
]


Unseen = Annotated[
    bool,
    typer.Option(
        "--unseen", help="Leave out texts of the model's training and validation.  \\[off]", rich_help_panel="Data"
    ),
]


EscapeFormulas = Annotated[
    bool,
    typer.Option(
        "--escape-formulas",
        help="Write an apostrophe before texts in CSV and TSV that a spreadsheet would calculate.  \\[off]",
        rich_help_panel="Output",
    ),
]


NoReport = Annotated[
    bool,
    typer.Option(
        "--no-report",
        help="Write no report.html into the model folder; it quotes at most 20 test or validation texts.  \\[off]",
        rich_help_panel="Output",
    ),
]


@dataclass(frozen=True)
class SliceOptions(CheckedOptions):
    """Parts of the texts in a report."""

    slice: tuple[str, ...] = option(
        (), "Column by whose values the report divides the results; may be repeated.", panel="Output"
    )

    def require_report(self, has_report: bool, fix: str) -> None:
        """Raise a ConfigError where there is no report to divide."""
        if self.slice and not has_report:
            raise ConfigError(f"--slice is for reports; {fix}")

    def require_file(self, source: str) -> None:
        """Raise a ConfigError for standard input, which is read already when columns are read."""
        from textgraft.data.text_files import STANDARD_INPUT

        if self.slice and source == STANDARD_INPUT:
            raise ConfigError("--slice reads the data a second time, which standard input does not allow; name a file")


@dataclass(frozen=True)
class Group:
    """The options that a command takes from a dataclass: `Annotated[TrainingConfig, Group(without=("head",))]`.

    Attributes:
        only: names of the options taken; all where empty.
        without: names of options not taken.
        defaults: defaults that differ from the dataclass's, by name.
    """

    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sources(CheckedOptions):
    """Data of a run other than its training texts."""

    validation: str | None = option(
        None,
        "Source of the validation texts, by which epochs and models are selected.",
        panel="Data",
        shown_default=f"{100 * VALIDATION_SHARE:g} % of the training texts",
    )
    unlabelled: str | None = option(
        None,
        "Source of texts without labels, which train a classifier too where labelled texts support that.",
        panel="Data",
    )
    test: str | None = option(None, "Source of the test texts, used once, after training.", panel="Data")
    test_share: float | None = option(
        None,
        "Share of the training texts to hold out as test texts, stratified, such as 0.2.",
        panel="Data",
        shown_default="none",
        above=0,
        below=1,
    )
    split: str | None = option(
        None,
        "Splits or slices of the data to use, such as 'train[:80%],test'.",
        panel="Data",
        shown_default="the splits of the source",
    )


@dataclass(frozen=True)
class LeakOptions(CheckedOptions):
    """The check of given validation and test sets before a training."""

    check: bool | None = option(
        None,
        "Search repeated texts before the training: a leak across given sets stops it.",
        panel="Data",
        shown_default="on",
    )
    allow_leaks: bool = option(
        False, "Train also if texts of a given validation or test set are among the training texts.", panel="Data"
    )
    drop_duplicates: bool = option(
        False, "Leave out training texts that occur in a given validation or test set, also nearly.", panel="Data"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.check is False and self.drop_duplicates:
            raise ConfigError("--no-check does not search the repeated texts that --drop-duplicates drops; drop one")

    @property
    def training_check(self) -> "TrainingCheck | None":
        """The check; None for none."""
        from textgraft.data_checks.training_check import TrainingCheck

        return None if self.check is False else TrainingCheck(self.allow_leaks, self.drop_duplicates)


@dataclass(frozen=True)
class DropOptions(CheckedOptions):
    """The training rows that a cleaned file leaves out."""

    drop_duplicates: bool = option(
        False,
        "Leave out, in --out, rows that repeat a validation or test text or an earlier row with the same label, also "
        "nearly.",
        panel="Output",
    )
    drop_conflicts: bool = option(
        False, "Leave out, in --out, all rows of a text that occurs with different labels.", panel="Output"
    )


@dataclass(frozen=True)
class TaskOptions:
    """The task, and the pretrained model for it."""

    task: str | None = option(
        None,
        "Task: text-classification, token-classification, text-generation or fill-mask.",
        panel="Model",
        shown_default="inferred from the columns",
    )
    preset: str = option("minilm", "Pretrained model; see `textgraft presets`.", panel="Model")


@dataclass(frozen=True)
class ModelOptions:
    """Arguments of a task's constructor other than its architecture."""

    decoding: str | None = option(
        None,
        "Decoding of entity tags: constrained (valid sequences only) or free.",
        panel="Model",
        shown_default="constrained",
    )
    vocabulary_limit: int | None = option(
        None, "Number of words to read from a file of word vectors.", panel="Advanced", shown_default="all"
    )
    trust_savedmodel: bool = option(False, "Load SavedModels, which can run code, from any source.", panel="Advanced")


@dataclass(frozen=True)
class LabelOptions:
    """What labels mean."""

    descriptions: str | None = option(
        None, "TOML file that describes each label by a string or a list of strings.", panel="Model"
    )
    zero_shot: bool = option(
        False, "Make a classifier from descriptions or names of labels alone, without training texts.", panel="Model"
    )
    labels: str | None = option(
        None,
        "Labels of a zero-shot model, such as sports,politics.",
        panel="Model",
        shown_default="those of the descriptions",
    )


@dataclass(frozen=True)
class RecipeOptions(CheckedOptions):
    """The choice of a recipe, whose values the other options replace."""

    quality: str | None = option(
        None,
        f"Recipe: {', '.join(RECIPES)}; other options replace its values.",
        shown_default=BALANCED,
        choices=tuple(RECIPES),
    )
    minutes: float | None = option(
        None,
        "Maximum estimated minutes of the training; takes the best recipe within it, not above --quality.",
        shown_default="no limit",
        above=0,
        below=math.inf,
    )


@dataclass(frozen=True)
class RuntimeOptions(CheckedOptions):
    """Options of the TensorFlow runtime."""

    precision: str = option(
        "auto", f"Numerical precision: {', '.join(PRECISIONS)}.", panel="Advanced", choices=PRECISIONS
    )
    threads: int | None = option(
        None, "Number of processor threads.", panel="Advanced", shown_default="one per core", minimum=1
    )
    verbose: bool = option(
        False, "Print kernels, threads and precision; after training also graphs and padding.", panel="Output"
    )


@dataclass(frozen=True)
class WorkerOptions(CheckedOptions):
    """The processes of a training run."""

    workers: int = option(
        1,
        "Number of processes that share each step: on this machine, or on those of TF_CONFIG.",
        panel="Advanced",
        minimum=1,
        maximum=256,
    )


_ENGINES = {
    TENSORFLOW: TENSORFLOW,
    ONNX: f"{ONNX} (token vectors by ONNX Runtime)",
    RAY: f"{RAY} (TensorFlow in the processes of a Ray cluster)",
}


def _engine_option(choices: tuple[str, ...]) -> Any:
    help = f"Program that computes: {', '.join(_ENGINES[name] for name in choices)}."
    return option(TENSORFLOW, help, panel="Advanced", choices=choices)


@dataclass(frozen=True)
class ClusterOptions(CheckedOptions):
    """Where a command computes: in its process, or in those of a Ray cluster."""

    engine: str = _engine_option((TENSORFLOW, RAY))
    address: str | None = option(
        None,
        "Address of a running Ray cluster, such as 10.0.0.1:6379.",
        panel="Advanced",
        shown_default="a cluster of this machine, for the time of the command",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.engine == RAY:
            require_ray()
        elif self.address is not None:
            raise ConfigError("--address is that of a Ray cluster; add --engine ray")


@dataclass(frozen=True)
class PredictionOptions(RuntimeOptions):
    """Options of what computes predictions."""

    precision: str = option(
        "auto",
        f"Numerical precision: {', '.join(PREDICTION_PRECISIONS)} (engine onnx; see `textgraft quantize`).",
        panel="Advanced",
        choices=PREDICTION_PRECISIONS,
    )
    engine: str = _engine_option(ENGINES)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_engine()

    def check_engine(self) -> None:
        """Raise a ConfigError for an engine that does not compute in the precision or lacks its packages."""
        check_engine(self.engine, self.precision)


@dataclass(frozen=True)
class ScalablePrediction(PredictionOptions, ClusterOptions):
    """`PredictionOptions` of commands that also write folders of files, and that a cluster can compute."""

    engine: str = _engine_option((*ENGINES, RAY))
    shard_format: str | None = option(
        None,
        "Format of the files where --out is a folder, such as csv, jsonl or parquet.",
        panel="Output",
        shown_default="csv; jsonl for entities, npy for embeddings",
    )
    shard_rows: int | None = option(
        None, "Rows of each of these files, and a few more.", panel="Output", shown_default="8192", minimum=1
    )

    @property
    def token_engine(self) -> str:
        """What computes token vectors, wherever that is."""
        return TENSORFLOW if self.engine == RAY else self.engine

    def check_engine(self) -> None:
        check_engine(self.token_engine, self.precision)


@dataclass(frozen=True)
class LogOptions(CheckedOptions):
    """The log of training runs."""

    log: str | None = option(
        None, f"Log of the metrics of each step and epoch: {', '.join(LOG_KINDS)}.", panel="Output", choices=LOG_KINDS
    )


@dataclass(frozen=True)
class RunOptions:
    """Options of a training run: model folder, estimate, checkpoints and determinism."""

    out: str | None = option(None, "Model folder to write.", panel="Output")
    overwrite: bool = option(False, "Replace an existing folder.", panel="Output")
    dry_run: bool = option(False, "Estimate time and memory without training.", panel="Output")
    save_minutes: float = option(
        SAVE_MINUTES,
        "Minutes between two checkpoints within an epoch.",
        panel="Advanced",
        shown_default=f"{SAVE_MINUTES:g}",
    )
    restart: bool = option(False, "Discard an unfinished run instead of resuming it.", panel="Advanced")
    fast: bool = option(False, "Allow nondeterministic operations.", panel="Advanced")
