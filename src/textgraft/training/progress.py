"""What a person sees while a model trains."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


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
        self._seen = 0
        self._start = time.monotonic()
        self._task: TaskID | None = None
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f} texts  {task.fields[means]}"),
            TextColumn("{task.fields[speed]:.1f} texts/s"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._progress.disable = not self._progress.console.is_terminal

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        self._task = self._progress.add_task("epoch 1", total=self._texts * self._epochs, means="", speed=0.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away; the lines stay."""
        self._progress.stop()

    def step(self, epoch: int, texts: int, means: dict[str, float]) -> None:
        """Advance.

        Args:
            epoch: from 0.
            texts: texts in this step.
            means: loss and metrics of the epoch so far.
        """
        if self._task is None:
            return
        self._seen += texts
        speed = self._seen / max(time.monotonic() - self._start, 1e-9)
        self._progress.update(
            self._task,
            advance=texts,
            description=f"epoch {epoch + 1}/{self._epochs}",
            means=_listed(means),
            speed=speed,
        )

    def epoch(self, record: dict[str, float]) -> None:
        """Print the results of an epoch.

        Args:
            record: a row of the history.
        """
        shown = {name: value for name, value in record.items() if "loss" in name or "accuracy" in name}
        line = f"epoch {record['epoch']:.0f}/{self._epochs}  {_listed(shown)}  {record['texts_per_second']:.1f} texts/s"
        self._progress.console.print(line, highlight=False)


def _listed(numbers: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.4f}" for name, value in numbers.items())
