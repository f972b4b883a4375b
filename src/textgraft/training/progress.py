"""What a person sees while texts go through a model."""

from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text


class Callback(Protocol):
    """Follows the training."""

    def on_features_extracted(self, texts: int, total: int) -> None:
        """After each batch of texts that went through a frozen backbone: how many it had, and how many there are."""

    def on_step_end(self, epoch: int, texts: int, means: dict[str, float], seconds_left: float | None) -> None:
        """After each optimizer step.

        Args:
            epoch: from 0.
            texts: texts in the step.
            means: loss and metrics of the epoch so far.
            seconds_left: seconds until the end of the run, where that is known.
        """

    def on_epoch_end(self, record: dict[str, float]) -> None:
        """After each epoch: its row of the history."""

    def on_message(self, line: str) -> None:
        """Now and then, a line that a person should read."""


# Of an epoch's row: what stands elsewhere in the line, or in the history only.
_NOT_SHOWN = {"epoch", "learning_rate", "seconds", "texts_per_second"}


class TrainingBar:
    """A bar with loss, accuracy, texts per second and time left in the whole run; a line of results per epoch."""

    def __init__(self, epochs: int, texts: int, console: Console | None = None) -> None:
        """Prepare the bar.

        Args:
            epochs: planned passes.
            texts: texts in each.
            console: where to draw; standard error by default.
        """
        self._epochs = epochs
        self._texts = texts
        self._tasks: dict[str, TaskID] = {}
        self._progress = text_bar(console)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away; the lines stay."""
        self._progress.stop()

    def on_features_extracted(self, texts: int, total: int) -> None:
        """Count texts that went through the frozen backbone.

        Args:
            texts: those of this batch.
            total: all of them.
        """
        task = self._task("vectors", total)
        self._progress.advance(task, texts)
        if self._progress.finished:
            self._progress.remove_task(self._tasks.pop("vectors"))

    def on_step_end(self, epoch: int, texts: int, means: dict[str, float], seconds_left: float | None) -> None:
        """Advance.

        Args:
            epoch: from 0.
            texts: texts in this step.
            means: loss and metrics of the epoch so far.
            seconds_left: seconds until the end of the run, where that is known.
        """
        task = self._task("training", self._texts * self._epochs)
        where = f"epoch {epoch + 1}/{self._epochs}"
        self._progress.update(task, advance=texts, description=where, means=_listed(means, 3), left=seconds_left)

    def on_epoch_end(self, record: dict[str, float]) -> None:
        """Print the results of an epoch.

        Args:
            record: a row of the history.
        """
        shown = {name: value for name, value in record.items() if name not in _NOT_SHOWN}
        line = (
            f"epoch {record['epoch']:.0f}/{self._epochs}  {_listed(shown, 4)}  {record['texts_per_second']:.1f} texts/s"
        )
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def on_message(self, line: str) -> None:
        """Print a line."""
        self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _task(self, name: str, total: int) -> TaskID:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, means="")
        return self._tasks[name]


def text_bar(console: Console | None = None) -> Progress:
    """A bar that counts texts; its tasks have a field `means`. It shows on terminals only.

    Args:
        console: where to draw; standard error by default.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        _Done(),
        TextColumn("{task.fields[means]}"),
        _Speed(),
        _Left(elapsed_when_finished=True),
        console=console or Console(stderr=True),
        transient=True,
    )
    bar.disable = not bar.console.is_terminal
    return bar


class _Done(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.percentage:.0f}%" if task.total else f"{task.completed:,.0f} texts")


class _Left(TimeRemainingColumn):
    """What the task's field `left` says, in seconds, where it has one."""

    def render(self, task: Task) -> Text:
        left = task.fields.get("left")
        return super().render(task) if left is None else Text(str(timedelta(seconds=round(left))), "progress.remaining")


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:.1f} texts/s")


def _listed(numbers: dict[str, float], decimals: int) -> str:
    return "  ".join(f"{name} {value:.{decimals}f}" for name, value in numbers.items())


@dataclass
class EtaEstimator:
    """Seconds of a step as a line over its tokens, fitted by least squares.

    A step costs something whatever its size (the optimizer walks over all weights), so seconds per token alone would
    mislead where the first steps happen to be of short or of long texts.
    """

    steps: int = 0
    tokens: float = 0.0
    seconds: float = 0.0
    _tokens_squared: float = 0.0
    _products: float = 0.0

    def add(self, tokens: int, seconds: float) -> None:
        """Count a step."""
        self.steps += 1
        self.tokens += tokens
        self.seconds += seconds
        self._tokens_squared += tokens * tokens
        self._products += tokens * seconds

    def of(self, steps: float, tokens: float) -> float:
        """Seconds that so many steps with so many tokens in all will take; at least one step must have been counted."""
        slope, level = self._line()
        return slope * tokens + level * steps

    def _line(self) -> tuple[float, float]:
        spread = self._tokens_squared - self.tokens**2 / self.steps
        level_only = 0.0, self.seconds / self.steps
        if spread <= 0:
            return level_only
        slope = (self._products - self.tokens * self.seconds / self.steps) / spread
        level = (self.seconds - slope * self.tokens) / self.steps
        if slope <= 0:
            return level_only
        return (slope, level) if level >= 0 else (self.seconds / self.tokens, 0.0)
