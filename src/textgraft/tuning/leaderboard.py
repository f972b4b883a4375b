"""Everything that was tried, best first: for people, and as CSV."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from textgraft.evaluation.significance import accuracy_interval
from textgraft.tuning.baselines import Baseline

DONE, PRUNED, FAILED, RUNNING = "done", "pruned", "failed", "running"
_ORDER = (DONE, PRUNED, RUNNING, FAILED)
_SHOWN = 10


@dataclass(frozen=True)
class Row:
    """A trial, or a baseline.

    Attributes:
        name: "trial 3", or the baseline's.
        number: of the trial, in the order of their beginning; -1 for a baseline.
        state: "done", "pruned", "running" or "failed".
        accuracy: on the validation texts; None unless it is done.
        loss: likewise; None for a baseline.
        seconds: it took.
        words: values of `textgraft train`'s words; none of a baseline.
        why: it was pruned or failed.
        run: digest of the training run; empty unless it is done.
        is_start: whether it is a starting point: the library's defaults.
    """

    name: str
    number: int
    state: str
    accuracy: float | None = None
    loss: float | None = None
    seconds: float = 0.0
    words: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    run: str = ""
    is_start: bool = False

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts the best first; of two with the same accuracy, a lower loss, then a model, then the earlier."""
        loss = float("inf") if self.loss is None else self.loss
        return _ORDER.index(self.state), -(self.accuracy or 0), loss, self.number < 0, self.number


def ranked(trials: Iterable[Row], baselines: Iterable[Baseline]) -> list[Row]:
    """All rows, best first."""
    known = [Row(one.name, -1, DONE, one.accuracy, seconds=one.seconds) for one in baselines]
    return sorted([*trials, *known], key=lambda row: row.order)


def chosen(rows: Sequence[Row], texts: int) -> Row | None:
    """The trial whose model is kept; None when none is done.

    It is the first of them, or, within a standard error of that, the first starting point: the best of many trials is
    lucky, and on a hundred texts luck is larger than what most trials gain over the library's defaults.

    Args:
        rows: best first.
        texts: how many the accuracy is of.
    """
    done = [row for row in rows if row.state == DONE and row.number >= 0]
    starts = [row for row in done if row.is_start]
    if starts and (starts[0].accuracy or 0) >= _least(done[0], texts):
        return starts[0]
    return done[0] if done else None


def table(rows: Sequence[Row], texts: int) -> Table:
    """The first ten rows.

    Args:
        rows: best first.
        texts: how many the accuracy is of.
    """
    shown = Table(
        "", "what", "accuracy", "95 % interval", "loss", "time", "how", title=f"{texts} validation texts; * the winner"
    )
    differing, winner = _differing(rows), chosen(rows, texts)
    for rank, row in enumerate(rows[:_SHOWN], start=1):
        values = _listed({word: row.words[word] for word in differing if word in row.words})
        numbers = ("", "", "") if row.accuracy is None else _numbers(row, texts)
        how = Text(row.why if row.state == FAILED else f"{row.state} {row.why}: {values}" if row.why else values)
        name = Text(row.name, "bold" if row is winner else "")
        shown.add_row(f"{rank} *" if row is winner else str(rank), name, *numbers, f"{row.seconds:.0f} s", how)
    if len(rows) > _SHOWN:
        shown.caption = f"and {len(rows) - _SHOWN} more in leaderboard.csv"
    return shown


def as_csv(rows: Sequence[Row], texts: int) -> bytes:
    """All rows, with a column for each word.

    Args:
        rows: best first.
        texts: how many the accuracy is of.
    """
    words = list(dict.fromkeys(word for row in rows for word in row.words))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    winner = chosen(rows, texts)
    writer.writerow(["rank", "what", "winner", "state", "accuracy", "low", "high", "loss", "seconds", *words, "why"])
    for rank, row in enumerate(rows, start=1):
        interval = ("", "") if row.accuracy is None else accuracy_interval(row.accuracy, texts)
        values = [row.words.get(word, "") for word in words]
        mark, seconds = "yes" if row is winner else "", round(row.seconds, 1)
        writer.writerow([rank, row.name, mark, row.state, row.accuracy, *interval, row.loss, seconds, *values, row.why])
    return text.getvalue().encode()


def told(row: Row, drawn: Mapping[str, Any]) -> str:
    """A line about a trial that ended.

    Args:
        row: of it.
        drawn: the values that are its own.
    """
    result = f"accuracy {row.accuracy:.4f}" if row.state == DONE else f"{row.state}, {row.why}"
    return f"{row.name}: {result}; {row.seconds:.0f} s; {_listed(drawn)}"


def verdict(winner: Row, rows: Sequence[Row], texts: int) -> str:
    """Which trial won, out of how many, and how sure that is.

    Args:
        winner: of them.
        rows: best first.
        texts: how many the accuracy is of.
    """
    trials = [row for row in rows if row.number >= 0]
    first, accuracy = trials[0], winner.accuracy or 0.0
    low, high = accuracy_interval(accuracy, texts)
    said = (
        f"winner of {len(trials)} trials: {winner.name}, validation accuracy {accuracy:.4f} (95 % interval "
        f"{low:.4f} to {high:.4f}, {texts:,} texts)"
    )
    if first != winner:
        return (
            f"{said}; {first.name} has {first.accuracy:.4f}, less than a standard error more than the library's "
            "defaults: too little to prefer it"
        )
    near = [row for row in trials[1:] if row.state == DONE and (row.accuracy or 0) >= _least(winner, texts)]
    said += ", chosen on these texts and so a little too high" if len(trials) > 1 else ""
    return said + (f"; {len(near)} more within a standard error, too near to tell apart" if near else "")


def baseline_remark(winner: Row, rows: Sequence[Row]) -> str | None:
    """A line when a baseline stands first: no trial is better than counting words.

    Args:
        winner: of the trials.
        rows: best first.
    """
    first = rows[0]
    if first.number >= 0:
        return None
    return (
        f"a baseline won: {first.name} has {first.accuracy:.4f} in {first.seconds:.0f} s, and no trial has that; the "
        f"model folder is that of {winner.name}, the best with a pretrained model"
    )


def _least(first: Row, texts: int) -> float:
    """A standard error below the accuracy of a row that is done."""
    accuracy = first.accuracy or 0.0
    return accuracy - math.sqrt(accuracy * (1 - accuracy) / texts)


def _numbers(row: Row, texts: int) -> tuple[str, str, str]:
    low, high = accuracy_interval(row.accuracy or 0, texts)
    return f"{row.accuracy:.4f}", f"{low:.4f} to {high:.4f}", "" if row.loss is None else f"{row.loss:.4f}"


def _differing(rows: Sequence[Row]) -> list[str]:
    """Words that have more than one value."""
    values: dict[str, set[Any]] = {}
    for row in rows:
        for word, value in row.words.items():
            values.setdefault(word, set()).add(value)
    return [word for word, seen in values.items() if len(seen) > 1]


def _listed(words: Mapping[str, Any]) -> str:
    """As people say it: a switch is its name or nothing."""
    said = {word: "" if value is True else f" {_short(value)}" for word, value in words.items() if value is not False}
    return ", ".join(word + value for word, value in said.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
