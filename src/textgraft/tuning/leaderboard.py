"""Everything that was tried, best first: for people, and as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from textgraft.tuning.baselines import Baseline
from textgraft.tuning.measure import Measure

DONE, PRUNED, FAILED, RUNNING = "done", "pruned", "failed", "running"

# Why a trial was pruned whose draw is made again when there is time.
OUT_OF_TIME = "no time left"
_ORDER = (DONE, PRUNED, RUNNING, FAILED)
_SHOWN = 10


@dataclass(frozen=True)
class Row:
    """A trial, or a baseline.

    Attributes:
        name: "trial 3", or the baseline's.
        number: of the trial, in the order of their beginning; -1 for a baseline.
        state: "done", "pruned", "running" or "failed".
        score: what trials are compared by, on the validation texts; None unless it is done.
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
    score: float | None = None
    loss: float | None = None
    seconds: float = 0.0
    words: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    run: str = ""
    is_start: bool = False


def ranked(trials: Iterable[Row], baselines: Iterable[Baseline], measure: Measure) -> list[Row]:
    """All rows, best first; of two alike, a lower loss, then a model, then the library's defaults, then the earlier."""

    def order(row: Row) -> tuple[Any, ...]:
        loss = float("inf") if row.loss is None else row.loss
        return _ORDER.index(row.state), measure.rank(row.score), loss, row.number < 0, not row.is_start, row.number

    known = [Row(one.name, -1, DONE, one.score, seconds=one.seconds) for one in baselines]
    return sorted([*trials, *known], key=order)


def chosen(rows: Sequence[Row], measure: Measure) -> Row | None:
    """The trial whose model is kept; None when none is done.

    It is the first of them, or, within a standard error of that, the first starting point: the best of many trials is
    lucky, and on a hundred texts luck is larger than what most trials gain over the library's defaults. A loss has no
    standard error that is known: there the first one wins.

    Args:
        rows: best first.
        measure: what they are compared by.
    """
    done = [row for row in rows if row.state == DONE and row.number >= 0]
    starts = [row for row in done if row.is_start]
    if starts and measure.reaches(starts[0].score, done[0].score or 0.0):
        return starts[0]
    return done[0] if done else None


def table(rows: Sequence[Row], measure: Measure) -> Table:
    """The first ten rows.

    Args:
        rows: best first.
        measure: what they are compared by.
    """
    title = f"{measure.texts} validation texts; * the winner"
    shown = Table("", "what", *_numbers(rows[0], measure), "time", "how", title=title)
    differing, winner = _differing(rows), chosen(rows, measure)
    for rank, row in enumerate(rows[:_SHOWN], start=1):
        values = _listed({word: row.words[word] for word in differing if word in row.words})
        numbers = _numbers(row, measure).values()
        how = Text(row.why if row.state == FAILED else f"{row.state} {row.why}: {values}" if row.why else values)
        name = Text(row.name, "bold" if row is winner else "")
        shown.add_row(f"{rank} *" if row is winner else str(rank), name, *numbers, f"{row.seconds:.0f} s", how)
    if len(rows) > _SHOWN:
        shown.caption = f"and {len(rows) - _SHOWN} more in leaderboard.csv"
    return shown


def as_csv(rows: Sequence[Row], measure: Measure) -> bytes:
    """All rows, with a column for each word.

    Args:
        rows: best first.
        measure: what they are compared by.
    """
    words = list(dict.fromkeys(word for row in rows for word in row.words))
    winner = chosen(rows, measure)
    lines = [
        {
            "rank": rank,
            "what": row.name,
            "winner": "yes" if row is winner else "",
            "state": row.state,
            **_cells(row, measure),
            "seconds": round(row.seconds, 1),
            **{word: row.words.get(word) for word in words},
            "why": row.why,
        }
        for rank, row in enumerate(rows, start=1)
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, lines[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def told(row: Row, drawn: Mapping[str, Any], measure: Measure) -> str:
    """A line about a trial that ended.

    Args:
        row: of it.
        drawn: the values that are its own.
        measure: what trials are compared by.
    """
    result = f"{measure.name} {row.score:.4f}" if row.state == DONE else f"{row.state}, {row.why}"
    return f"{row.name}: {result}; {row.seconds:.0f} s; {_listed(drawn)}"


def verdict(winner: Row, rows: Sequence[Row], measure: Measure) -> str:
    """Which trial won, out of how many, and how sure that is.

    Args:
        winner: of them.
        rows: best first.
        measure: what they are compared by.
    """
    trials = [row for row in rows if row.number >= 0]
    first, score = trials[0], winner.score or 0.0
    interval = " to ".join(map(_four_decimals, measure.interval(score) or ()))
    known = f"95 % interval {interval}, " if interval else ""
    said = (
        f"winner of {len(trials)} trials: {winner.name}, validation {measure.name} {score:.4f} "
        f"({known}{measure.texts:,} texts)"
    )
    if first != winner:
        return (
            f"{said}; {first.name} has {first.score:.4f}, less than a standard error more than the library's "
            "defaults: too little to prefer it"
        )
    near = [row for row in trials[1:] if row.state == DONE and measure.reaches(row.score, score)]
    said += ", chosen on these texts and so a little too good" if len(trials) > 1 else ""
    how_near = "within a standard error, too near to tell apart" if measure.score else "with the same loss"
    return said + (f"; {len(near)} more {how_near}" if near else "")


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
        f"a baseline won: {first.name} has {first.score:.4f} in {first.seconds:.0f} s, and no trial is as good; the "
        f"model folder is that of {winner.name}, the best with a pretrained model"
    )


def _cells(row: Row, measure: Measure) -> dict[str, float | None]:
    """A row's numbers, by columns of the CSV."""
    low, high = _interval(row, measure) or (None, None)
    cells = {measure.name: row.score, "low": low, "high": high}
    cells.setdefault("loss", row.loss)  # unless that is the measure
    return cells


def _numbers(row: Row, measure: Measure) -> dict[str, str]:
    """A row's numbers, by columns of the table."""
    cells = {measure.name: _four_decimals(row.score)}
    if measure.is_share:
        cells["95 % interval"] = " to ".join(map(_four_decimals, _interval(row, measure) or ()))
    cells.setdefault("loss", _four_decimals(row.loss))
    return cells


def _interval(row: Row, measure: Measure) -> tuple[float, float] | None:
    return None if row.score is None else measure.interval(row.score)


def _four_decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


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
