"""The events of a training run, for users' code and for what textgraft shows and logs of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from textgraft.errors import ConfigError

if TYPE_CHECKING:
    from textgraft.training.history import History


@dataclass(frozen=True)
class Step:
    """An optimizer step.

    Attributes:
        number: optimizer steps of the run so far.
        epoch: from 1.
        texts: texts in the step.
        metrics: loss and metrics of the epoch so far, and "learning_rate", that of the step.
        seconds_left: until the end of the run; None while unknown.
    """

    number: int
    epoch: int
    texts: int
    metrics: dict[str, float]
    seconds_left: float | None = None


class Callback:
    """Receives the events of a run; a subclass overrides the methods of those that it needs.

    The values that it receives are copies: changing them does not change the run. An exception ends the run and is
    raised by `fit`; with checkpoints, the same call resumes the run.
    """

    def on_train_begin(self, facts: dict[str, Any], is_resumed: bool) -> None:
        """Called before the first step.

        Args:
            facts: what identifies the run, as JSON values: task, settings, preset, architecture, precision, versions,
                training options ("fit") and digests of the data.
            is_resumed: whether the run continues from a checkpoint.
        """

    def on_features_extracted(self, texts: int, total: int) -> None:
        """Called after each batch of texts through a frozen backbone, with its size and that of all batches."""

    def on_step_end(self, step: Step) -> None:
        """Called after each optimizer step, and once when a run is resumed, for all its earlier texts of the epoch."""

    def on_epoch_end(self, record: dict[str, float]) -> None:
        """Called after each epoch with its record of the history; see `History`."""

    def on_message(self, line: str) -> None:
        """Called with a line for the user."""

    def on_train_end(self, history: History) -> None:
        """Called when the model has the weights of its best epoch."""

    def close(self) -> None:
        """Called last, also after an error."""


class Continued(Callback):
    """Passes on the steps and messages of a run that follows another one, whose steps and epochs are counted too."""

    def __init__(self, callback: Callback, steps: int, epochs: int) -> None:
        self._callback, self._steps, self._epochs = callback, steps, epochs

    def on_features_extracted(self, texts: int, total: int) -> None:
        self._callback.on_features_extracted(texts, total)

    def on_step_end(self, step: Step) -> None:
        number, epoch = step.number + self._steps, step.epoch + self._epochs
        self._callback.on_step_end(replace(step, number=number, epoch=epoch))

    def on_message(self, line: str) -> None:
        self._callback.on_message(line)


class Callbacks(Callback):
    """Passes each event to several callbacks, in order."""

    def __init__(self, callbacks: Callback | Iterable[Callback]) -> None:
        is_single = isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable)
        self._callbacks: list[Any] = [callbacks] if is_single else [*callbacks]  # type: ignore[misc]
        for callback in self._callbacks:
            if not isinstance(callback, Callback):
                raise ConfigError(f"callbacks takes instances of textgraft.Callback, not {type(callback).__name__}")

    def add(self, callback: Callback) -> None:
        """Append a callback."""
        self._callbacks.append(callback)

    def on_train_begin(self, facts: Mapping[str, Any], is_resumed: bool) -> None:
        for callback in self._callbacks:
            callback.on_train_begin(deepcopy(dict(facts)), is_resumed)

    def on_features_extracted(self, texts: int, total: int) -> None:
        for callback in self._callbacks:
            callback.on_features_extracted(texts, total)

    def on_step_end(self, step: Step) -> None:
        for callback in self._callbacks:
            callback.on_step_end(deepcopy(step))

    def on_epoch_end(self, record: dict[str, float]) -> None:
        for callback in self._callbacks:
            callback.on_epoch_end(dict(record))

    def on_message(self, line: str) -> None:
        for callback in self._callbacks:
            callback.on_message(line)

    def on_train_end(self, history: History) -> None:
        for callback in self._callbacks:
            callback.on_train_end(deepcopy(history))

    def close(self) -> None:
        with ExitStack() as stack:  # closes all, also after an error of one
            for callback in self._callbacks:
                stack.callback(callback.close)
