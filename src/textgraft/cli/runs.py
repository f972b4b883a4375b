"""Training runs of `train`, `adapt` and `pretrain`: required arguments, and checkpoints beside the model folder."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textgraft.cli.options import RunOptions
from textgraft.errors import ConfigError, ModelFolderError, warn

if TYPE_CHECKING:
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.training.checkpoints import Checkpoints
    from textgraft.training.history import History


def require(usage: str, run: RunOptions, **arguments: str | None) -> None:
    """Raise a ConfigError for an argument that is not set on the command line or in a config file.

    `out` is required too, unless it is a dry run.
    """
    required = arguments if run.dry_run else {**arguments, "out": run.out}
    for name, value in required.items():
        if value is None:
            raise ConfigError(f"{name} is missing: {usage}")


def model_summary(model: "TrainableTask", fine_tune: str) -> str:
    """A line about a model to be trained: its answers, preset, parameters and precision."""
    trainable, total = model.fine_tuning(fine_tune=fine_tune).parameter_counts()
    parameters = f"{total:,} parameters ({trainable:,} trainable)"
    return f"{model.objective.summary}; {model.backbone.origin.preset}: {parameters}, {model.precision}"


def compilation(history: "History") -> str:
    """A line about the cost of a run that options can change."""
    return f"{history.graphs} graphs compiled; {history.padding:.1%} of the training tokens were padding"


def train_into_folder(run: RunOptions, train: "Callable[[Checkpoints], TrainableTask]") -> Path:
    """Train with checkpoints beside the model folder, and save the model.

    Args:
        run: with `out` set.
        train: trains and returns the task; takes entered checkpoints.

    Raises:
        ModelFolderError: when the folder exists already or cannot be written.
    """
    from textgraft.storage.folders import clean_up, require_writable
    from textgraft.training.checkpoints import Checkpoints

    folder = Path(str(run.out))
    if not folder.absolute().parent.is_dir():
        require_writable(folder, overwrite=False)
    with Checkpoints(f"{folder}.run", run.save_minutes, run.restart) as checkpoints:
        # With --overwrite, the model may be an older result of the same run, which is to be replaced.
        if not run.overwrite and checkpoints.already_saved_to(folder):
            clean_up(folder)
            checkpoints.clear()
        require_writable(folder, run.overwrite)
        model = train(checkpoints)
        with checkpoints.interruption.deferred():
            model.save(folder, overwrite=run.overwrite)
            checkpoints.interruption.resume_hint = f"{folder} is complete"
            try:
                checkpoints.clear()
            except ModelFolderError as error:
                warn(f"{folder} is complete, but checkpoints are left: {error}")
    return folder
