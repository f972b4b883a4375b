"""Training runs of `train`, `adapt` and `pretrain`: checkpoints beside the model folder, dry runs, language models."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.cli.options import RunOptions, RuntimeOptions
from textgraft.errors import ConfigError
from textgraft.options import changed_options
from textgraft.training.config import TrainingConfig

if TYPE_CHECKING:
    from textgraft.data.splits import Splits
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.checkpoints import Checkpoints


@dataclass(frozen=True)
class LanguageModelRun:
    """A task that learns from texts without labels, and its texts."""

    model: "TrainableTask"
    splits: "Splits"

    def plan(self, training_config: TrainingConfig) -> None:
        """Print the estimated cost."""
        from textgraft.cli.output.console import plan_table, print_result

        plan = self.model.plan(self.splits.train, self.splits.validation, **changed_options(training_config))
        print_result(plan_table(plan))

    def train(self, training_config: TrainingConfig, checkpoints: "Checkpoints") -> "TrainableTask":
        """Train the task; log the sizes and the perplexities."""
        from textgraft.cli.output.console import log

        model, splits = self.model, self.splits
        trainable, total = model.fine_tuning(fine_tune=training_config.fine_tune).parameter_counts()
        log(
            f"{model.name} on {len(splits.train):,} texts, {model.objective.summary}, validated on "
            f"{len(splits.validation):,} others; {model.backbone.origin.preset}: {total:,} parameters "
            f"({trainable:,} trainable), {model.precision}"
        )
        options = changed_options(training_config)
        history = model.fit(splits.train, splits.validation, checkpoints=checkpoints, **options)
        metrics = model.record["metrics"]["validation"]
        log(
            f"perplexity {metrics['val_perplexity_before']:.2f} before, {metrics['val_perplexity']:.2f} after epoch "
            f"{history.best_epoch} of {len(history.records)}, the best; {history.seconds:.0f} s"
        )
        return model


def require(usage: str, **values: Any) -> None:
    """Check that values are set, on the command line or in a config file.

    Raises:
        ConfigError: names the first value that is not set.
    """
    for name, value in values.items():
        if value is None:
            raise ConfigError(f"{name} is missing: {usage}")


def start_deterministic_tensorflow(runtime_options: RuntimeOptions, fast: bool) -> None:
    """Start TensorFlow, with deterministic operations unless `fast`."""
    from textgraft import runtime

    runtime.start_tensorflow(runtime_options.threads)
    if not fast:
        runtime.make_deterministic()


def train_into_folder(run: RunOptions, train: "Callable[[Checkpoints], TrainableTask]") -> Path:
    """Train with checkpoints beside the model folder, and save the model.

    Args:
        run: with `out` set.
        train: trains and returns the task; takes entered checkpoints.

    Raises:
        ModelFolderError: when the folder exists already or cannot be written.
    """
    from textgraft.storage.folders import require_writable
    from textgraft.training.checkpoints import Checkpoints

    folder = Path(str(run.out))
    if not folder.absolute().parent.is_dir():
        require_writable(folder, overwrite=False)
    minutes = {} if run.save_minutes is None else {"save_minutes": run.save_minutes}
    with Checkpoints(f"{folder}.run", restart=run.restart, **minutes) as checkpoints:
        # With --overwrite, the model may be an older result of the same run, which is to be replaced.
        if not run.overwrite and checkpoints.already_saved_to(folder):
            checkpoints.clear()
        require_writable(folder, run.overwrite)
        model = train(checkpoints)
        model.save(folder, overwrite=run.overwrite)
        checkpoints.interruption.resume_hint = f"{folder} is complete"
        checkpoints.clear()
    return folder


def read_unlabelled(data: str, sources: Any, reading: Any, seed: int) -> "Splits":
    """Texts without labels to train on; notices are logged."""
    from textgraft.cli.inputs import read_run_data
    from textgraft.cli.output.console import log

    splits = read_run_data("fill-mask", data, sources, reading, seed)
    log(*splits.notices)
    if splits.test is not None:
        log(f"{splits.test.source}: ignoring the test split ({len(splits.test):,} texts)")
    return splits
