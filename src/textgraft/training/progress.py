"""Progress of a run: the progress bar, and the remaining time."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from textgraft.terminal.console import console as standard_console
from textgraft.terminal.escaping import printable
from textgraft.training.callbacks import Callback, Step

# Fields of a step or an epoch that its line shows elsewhere or not at all.
_NOT_LISTED = {"epoch", "learning_rate", "seconds", "texts_per_second"}


class TrainingBar(Callback):
    """Progress bar with loss, metrics, texts per second and remaining time, and a line of results per epoch.

    It is drawn on standard error by default.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._epochs, self._texts = 1, 0
        self._tasks: dict[str, TaskID] = {}
        self._progress = text_bar(console)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Hide the bar; printed lines stay."""
        self._progress.stop()

    def plan(self, epochs: int, texts: int) -> None:
        """Set the planned epochs and the texts per epoch, before the first step."""
        self._epochs, self._texts = epochs, texts

    def on_features_extracted(self, texts: int, total: int) -> None:
        self._progress.advance(self._task("vectors", total), texts)
        if self._progress.finished:
            self._progress.remove_task(self._tasks.pop("vectors"))

    def on_step_end(self, step: Step) -> None:
        task = self._task("training", self._texts * self._epochs)
        metrics = {name: value for name, value in step.metrics.items() if name not in _NOT_LISTED}
        fields: dict[str, Any] = {"means": _format_means(metrics, 3), "seconds_left": step.seconds_left}
        description = f"epoch {step.epoch}/{self._epochs}"
        self._progress.update(task, advance=step.texts, description=description, **fields)

    def on_epoch_end(self, record: dict[str, float]) -> None:
        means = _format_means({name: value for name, value in record.items() if name not in _NOT_LISTED}, 4)
        self.on_message(
            f"epoch {record['epoch']:.0f}/{self._epochs}  {means}  {record['texts_per_second']:.1f} texts/s"
        )

    def on_message(self, line: str) -> None:
        self._progress.console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def _task(self, name: str, total: int) -> TaskID:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, means="")
        return self._tasks[name]


def text_bar(console: Console | None = None) -> Progress:
    """A bar that counts texts, drawn on terminals only, by default on standard error.

    Tasks have a field `means`, and a field `unit` where they count something else.
    """
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=12),
        _ShareColumn(),
        TextColumn("{task.fields[means]}", markup=False),
        _SpeedColumn(),
        _TimeLeftColumn(elapsed_when_finished=True),
        console=console or standard_console(stderr=True),
        transient=True,
    )
    bar.disable = not bar.console.is_terminal
    return bar


class _ShareColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.percentage:.0f}%" if task.total else f"{task.completed:,.0f} {_unit(task)}")


class _SpeedColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.finished_speed or task.speed or 0:.1f} {_unit(task)}/s")


class _TimeLeftColumn(TimeRemainingColumn):
    """Shows the task's field `seconds_left` where it has one."""

    def render(self, task: Task) -> Text:
        seconds = task.fields.get("seconds_left")
        if seconds is None:
            return super().render(task)
        return Text(str(timedelta(seconds=round(seconds))), "progress.remaining")


def _unit(task: Task) -> str:
    unit: str = task.fields.get("unit", "texts")
    return unit


def _format_means(means: dict[str, float], decimals: int) -> str:
    return "  ".join(f"{name} {value:.{decimals}f}" for name, value in means.items())


@dataclass
class EtaEstimator:
    """Predicts the time of steps by a least-squares line of seconds over tokens.

    A step has a fixed cost (the optimizer updates all weights), so seconds per token alone would be wrong where the
    first steps happen to have short or long texts.
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

    def predict(self, steps: float, tokens: float) -> float:
        """Seconds of several steps with this total of tokens; requires at least one counted step."""
        spread = self._tokens_squared - self.tokens**2 / self.steps
        slope = (self._products - self.tokens * self.seconds / self.steps) / spread if spread > 0 else 0.0
        intercept = (self.seconds - slope * self.tokens) / self.steps
        if slope <= 0:
            slope, intercept = 0.0, self.seconds / self.steps
        elif intercept < 0:
            slope, intercept = self.seconds / self.tokens, 0.0
        return slope * tokens + intercept * steps
