"""A run whose steps several workers share: what can be shared, and the part of the other workers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from textgraft.computation import Computation
from textgraft.errors import ConfigError
from textgraft.tasks.fine_tuning.base import Run
from textgraft.training.callbacks import Callback
from textgraft.training.shared_step import follow_steps
from textgraft.training.step import TrainingStep
from textgraft.workers.team import TRAINING, Chief, Follower

_REFIT, _STEPS_PER_EPOCH = "refit", "steps_per_epoch"


def share_run(run: Run, facts: Mapping[str, Any], computation: Computation, chief: Chief | None) -> Computation:
    """Wait until the other workers, if there are any, have prepared a run; returns how all of them compute.

    Args:
        run: as worker 0 has prepared it.
        facts: what identifies it, as JSON values.
        computation: how worker 0 computes.
        chief: None where it is the only worker.

    Raises:
        ConfigError: for a run whose steps are not the work of its training.
        WorkerError: when another worker has ended, or has another run.
    """
    if chief is None:
        return computation
    _require_shareable(run)
    chief.agree(facts)
    return replace(computation, workers=chief.workers)


def announce_training(run: Run, chief: Chief | None) -> None:
    """Let the other workers, if there are any, build the network of a run, whose steps follow."""
    if chief is not None:
        is_refit = run.last_epoch is not None
        chief.send(TRAINING, {_REFIT: is_refit, _STEPS_PER_EPOCH: run.steps_per_epoch})


def follow_run(run: Run, facts: Mapping[str, Any], follower: Follower) -> None:
    """Share the steps of each training of a run, until the chief ends it; see `TrainableTask.follow`."""
    _require_shareable(run)
    follower.agree(facts)
    task = run.mode.task
    initial = {name: variable.numpy() for name, variable in task.weights.items()} if run.refit else {}
    message = follower.channel.receive(TRAINING)
    while True:
        values = message.values
        part = run.refit if values[_REFIT] and run.refit else run
        for name, weight in initial.items():  # the network of a refit depends on them, such as by embeddings of labels
            task.weights[name].assign(weight)
        with part.mode.adapted():
            built = part.mode.build(part.examples, Callback())
            step = TrainingStep(built.network, built.train, part.mode.config, values[_STEPS_PER_EPOCH])
            message = follow_steps(step, follower)


def _require_shareable(run: Run) -> None:
    if run.unlabelled:
        raise ConfigError("workers do not share the training on unlabelled texts; drop workers or unlabelled")
    if run.mode.caches_activations:
        raise ConfigError(
            f"fine_tune {run.mode.config.fine_tune} computes the frozen blocks once, in one process; drop workers, or "
            "choose fine_tune all or lora:R"
        )
