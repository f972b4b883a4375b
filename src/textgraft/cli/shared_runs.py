"""`textgraft train --workers`: what cannot be shared, and what the other workers print."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgraft.cli import options as o
from textgraft.cli.output.log import log
from textgraft.cli.output.status import silence
from textgraft.cli.runs import train_into_folder
from textgraft.errors import ConfigError
from textgraft.workers.team import PLAN, Chief, Follower

if TYPE_CHECKING:
    from textgraft.data.splits import Splits
    from textgraft.tasks.trainable import TrainableTask

_STEP_PARTS = "step_parts"


def require_one_process(
    workers: int,
    data: str | None,
    sources: o.Sources,
    recipe_options: o.RecipeOptions,
    run: o.RunOptions,
    from_model: Path | None,
) -> None:
    """Raise a ConfigError for an option that several workers do not support."""
    from textgraft.data.text_files import STANDARD_INPUT

    options = {
        "unlabelled": sources.unlabelled,
        "minutes": recipe_options.minutes,
        "dry_run": run.dry_run or None,
        "from": from_model,
    }
    if workers > 1 and STANDARD_INPUT in (data, sources.validation, sources.test):
        raise ConfigError("each of several workers reads the data, which standard input does not allow; name a file")
    names = [name for name, value in options.items() if value is not None]
    if workers > 1 and names:
        raise ConfigError(f"workers does not support {', '.join(names)}; drop one")


def share_plan(chief: Chief | None, fit_values: Mapping[str, Any]) -> None:
    """Send the other workers, if there are any, the training options that depend on the checkpoint of worker 0."""
    if chief is not None:
        log(f"{chief.workers} workers share each step; step_parts {fit_values[_STEP_PARTS]}")
        chief.send(PLAN, {_STEP_PARTS: fit_values[_STEP_PARTS]})


def train_shared(
    workers: int,
    run: o.RunOptions,
    train: "Callable[..., TrainableTask]",
    prepare: "Callable[[None], tuple[TrainableTask, Splits, dict[str, Any]]]",
    fit_values: dict[str, Any],
) -> None:
    """Train into a folder, by one of some workers or as another one, which writes nothing.

    Args:
        workers: their number.
        run: with `out` set.
        train: trains and returns the task; takes entered checkpoints, and the chief of several workers as `chief`.
        prepare: without checkpoints to the untrained model, its data and its training options.
        fit_values: options that `prepare` takes; some of them are those of worker 0.
    """
    from textgraft.workers.joining import joined_workers

    with joined_workers(workers) as member:
        if not isinstance(member, Follower):
            train_into_folder(run, partial(train, chief=member))
            return
        with silence():
            fit_values[_STEP_PARTS] = member.channel.receive(PLAN).values[_STEP_PARTS]
            model, splits, options = prepare(None)
            model.follow(member, splits.train, validation=splits.validation, **options)
