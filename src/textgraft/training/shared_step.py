"""Training steps that several workers share: each computes the gradients of its parts, and all make the same update.

Part i of a step belongs to worker i modulo the number of workers. Worker 0 adds the gradients in the order of the
parts, as one worker alone does, and sends the sums back, so that the number of workers does not change the result.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from textgraft.errors import WorkerError
from textgraft.training.config import TrainingConfig
from textgraft.training.examples import Examples, Inputs
from textgraft.training.ragged import Ragged, Rows
from textgraft.training.step import (
    Network,
    Result,
    TrainingStep,
    assign_variables,
    copy_variables,
    join_results,
)
from textgraft.workers.channel import Message
from textgraft.workers.team import EPOCH, PART, STEP, SUMS, TRAINING, Chief, Follower

_ROWS, _OUTPUTS, _LENGTHS = "rows", "outputs", "lengths"


class SharedStep(TrainingStep):
    """The steps of worker 0, which leads the others; arguments: see `TrainingStep`."""

    def __init__(
        self,
        chief: Chief,
        network: Network,
        train: Examples[Inputs],
        config: TrainingConfig,
        steps_per_epoch: int = 0,
    ) -> None:
        super().__init__(network, train, config, steps_per_epoch)
        self._chief, self._seeds = chief, PartSeeds(self.seeds)

    def __call__(self, rows: np.ndarray, rate: float, step: int) -> Result:
        try:
            return self._share_step(rows, rate, step)
        except WorkerError:
            self._seeds.cancel_step()
            raise

    def start_epoch(self, epoch: int) -> None:
        super().start_epoch(epoch)
        # Other processors round differently: in an epoch, what adds up stays in the last bits.
        self._chief.send(EPOCH, {"epoch": epoch}, copy_variables(self.state))

    def check(self) -> None:
        self._chief.check()

    def _share_step(self, rows: np.ndarray, rate: float, step: int) -> Result:
        self._seeds.start_step(lambda: self.part_gradients(rows[:1], np.zeros(1, np.int64), step))
        self._chief.send(STEP, {"rate": float(rate), "step": step}, {_ROWS: rows.astype(np.int64)})
        parts, results, sums = self.parts(rows), [], list[np.ndarray]()
        for index, part in enumerate(parts):
            worker = index % self._chief.workers
            if worker:
                loss, outputs, gradients = _unpack(self._chief.receive(worker, PART))
            else:
                self._seeds.start_part(index)
                loss, outputs, gradients = self.part_gradients(rows, part, step)
            if index:
                for total, gradient in zip(sums, gradients, strict=True):
                    total += gradient
            else:
                sums = gradients
            results.append((loss, outputs))
        self._chief.send(SUMS, arrays=_numbered(sums))
        norm = self.update(sums, rate, step)
        self._seeds.finish_step(len(parts))
        return join_results(parts, results, norm)


def training_step(
    chief: Chief | None, network: Network, train: Examples[Inputs], config: TrainingConfig, steps_per_epoch: int
) -> TrainingStep:
    """The steps of a run, which other workers share if there is a chief; arguments: see `TrainingStep`."""
    if chief is None:
        return TrainingStep(network, train, config, steps_per_epoch)
    return SharedStep(chief, network, train, config, steps_per_epoch)


def follow_steps(step: TrainingStep, follower: Follower) -> Message:
    """Compute this worker's parts of the steps of worker 0; returns the message that announces the next training.

    Raises:
        WorkerError: when worker 0 has ended.
        RunEndedError: when it has ended the run.
    """
    seeds = PartSeeds(step.seeds)
    while (message := follower.channel.receive(EPOCH, STEP, TRAINING)).kind != TRAINING:
        if message.kind == EPOCH:
            assign_variables(step.state, message.arrays)
            step.start_epoch(**message.values)
        else:
            _follow_step(step, seeds, follower, message.arrays[_ROWS], **message.values)
    return message


def _follow_step(
    training_step: TrainingStep, seeds: "PartSeeds", follower: Follower, rows: np.ndarray, rate: float, step: int
) -> None:
    seeds.start_step(lambda: training_step.part_gradients(rows[:1], np.zeros(1, np.int64), step))
    parts = training_step.parts(rows)
    for index in range(follower.worker, len(parts), follower.workers):
        seeds.start_part(index)
        follower.channel.send(PART, *_pack(*training_step.part_gradients(rows, parts[index], step)))
    sums = follower.channel.receive(SUMS).arrays
    training_step.update([sums[name] for name in sorted(sums)], rate, step)
    seeds.finish_step(len(parts))


class PartSeeds:
    """The states of seed generators at the start of each part: a part has the same dropout on whichever worker.

    Each part draws the same number of seeds from a generator, whatever its rows.

    Args:
        states: uint32 (2,) each.
    """

    def __init__(self, states: list[keras.Variable]) -> None:
        self._states = states
        self._at_step: list[np.ndarray] = []
        self._per_part: list[np.ndarray] | None = None

    def start_step(self, compute_part: Callable[[], Any]) -> None:
        """Note the states; the first time, measure on a part how far it moves them."""
        self._at_step = [state.numpy() for state in self._states]
        if self._per_part is None:
            compute_part()
            self._per_part = [state.numpy() - start for state, start in zip(self._states, self._at_step, strict=True)]

    def start_part(self, index: int) -> None:
        """Set the states to those after the parts before this one."""
        for state, start, move in zip(self._states, self._at_step, self._per_part or [], strict=True):
            state.assign(start + np.uint32(index) * move)

    def finish_step(self, parts: int) -> None:
        """Set the states to those after all parts."""
        self.start_part(parts)

    def cancel_step(self) -> None:
        """Set the states to those before the step."""
        for state, start in zip(self._states, self._at_step, strict=True):
            state.assign(start)


def _pack(loss: float, outputs: Rows, gradients: list[np.ndarray]) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """The values and arrays of a message about a part."""
    arrays = {_OUTPUTS: outputs} if isinstance(outputs, np.ndarray) else _ragged_arrays(outputs)
    return {"loss": loss}, {**arrays, **_numbered(gradients)}


def _unpack(message: Message) -> tuple[float, Rows, list[np.ndarray]]:
    arrays = dict(message.arrays)
    outputs, lengths = arrays.pop(_OUTPUTS), arrays.pop(_LENGTHS, None)
    rows = outputs if lengths is None else Ragged(outputs, lengths)
    return message.values["loss"], rows, [arrays[name] for name in sorted(arrays)]


def _ragged_arrays(rows: Ragged) -> dict[str, np.ndarray]:
    return {_OUTPUTS: rows.values, _LENGTHS: rows.lengths}


def _numbered(arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by names that sort as their indices."""
    return {f"{index:06d}": array for index, array in enumerate(arrays)}
