"""The leaderboard: all trials and baselines of a search, best first, as a table and as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table
from rich.text import Text

from textgraft.tuning.baselines import Baseline
from textgraft.tuning.setup import SelectionMetric

DONE, PRUNED, FAILED, RUNNING = "done", "pruned", "failed", "running"

# Reason of a pruned trial whose draw is repeated when there is time.
OUT_OF_TIME = "no time left"
_ORDER = (DONE, PRUNED, RUNNING, FAILED)
_MAX_TABLE_ROWS = 10


@dataclass(frozen=True)
class Row:
    """A trial, or a baseline.

    Attributes:
        name: "trial 3", or the baseline's.
        number: Optuna's number of the trial; -1 for a baseline.
        state: "done", "pruned", "running" or "failed".
        score: the selection metric; None unless it is done.
        loss: on the validation texts; None for a baseline.
        seconds: its duration.
        hyperparameters: options of `textgraft train`; none for a baseline.
        reason: why it was pruned or failed.
        run: digest of the training run; empty unless it is done.
        is_start: whether it is a starting point: the library's defaults.
    """

    name: str
    number: int
    state: str
    score: float | None = None
    loss: float | None = None
    seconds: float = 0.0
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    run: str = ""
    is_start: bool = False

    @property
    def is_baseline(self) -> bool:
        """Whether it is a baseline."""
        return self.number < 0


def rank_rows(trials: Iterable[Row], baselines: Iterable[Baseline], metric: SelectionMetric) -> list[Row]:
    """All rows, best first; ties go to the lower loss, a trial, the library's defaults, the earlier trial."""

    def order(row: Row) -> tuple[Any, ...]:
        loss = float("inf") if row.loss is None else row.loss
        state = _ORDER.index(row.state)
        return state, metric.sort_key(row.score), loss, row.is_baseline, not row.is_start, row.number

    baseline_rows = [Row(known.name, -1, DONE, known.score, seconds=known.seconds) for known in baselines]
    return sorted([*trials, *baseline_rows], key=order)


def select_winner(rows: Sequence[Row], metric: SelectionMetric) -> Row | None:
    """The trial whose model is kept; None when none is done.

    It is the best, or the best starting point if that is within a standard error of the best: the best of many trials
    is lucky, and on a hundred texts luck is larger than what most trials gain over the library's defaults. A loss has
    no known standard error; there the best wins.

    Args:
        rows: best first.
        metric: by which they are ranked.
    """
    done = [row for row in rows if row.state == DONE and not row.is_baseline]
    start = next((row for row in done if row.is_start), None)
    if start and metric.is_within_error(start.score, done[0].score or 0.0):
        return start
    return done[0] if done else None


def leaderboard_table(rows: Sequence[Row], metric: SelectionMetric) -> Table:
    """The first ten rows.

    Args:
        rows: best first.
        metric: by which they are ranked.
    """
    title = f"{metric.texts} validation texts; * the winner"
    table = Table("", "name", *_table_cells(rows[0], metric), "time", "hyperparameters", title=title)
    varying, winner = _varying_names(rows), select_winner(rows, metric)
    for rank, row in enumerate(rows[:_MAX_TABLE_ROWS], start=1):
        values = _join({name: row.hyperparameters[name] for name in varying if name in row.hyperparameters})
        details = row.reason if row.state == FAILED else f"{row.state} {row.reason}: {values}" if row.reason else values
        name = Text(row.name, "bold" if row is winner else "")
        rank_cell = f"{rank} *" if row is winner else str(rank)
        table.add_row(rank_cell, name, *_table_cells(row, metric).values(), f"{row.seconds:.0f} s", Text(details))
    if len(rows) > _MAX_TABLE_ROWS:
        table.caption = f"and {len(rows) - _MAX_TABLE_ROWS} more in leaderboard.csv"
    return table


def leaderboard_csv(rows: Sequence[Row], metric: SelectionMetric) -> bytes:
    """All rows, with a column for each hyperparameter.

    Args:
        rows: best first.
        metric: by which they are ranked.
    """
    names = list(dict.fromkeys(name for row in rows for name in row.hyperparameters))
    winner = select_winner(rows, metric)
    lines = [
        {
            "rank": rank,
            "name": row.name,
            "winner": "yes" if row is winner else "",
            "state": row.state,
            **_csv_cells(row, metric),
            "seconds": round(row.seconds, 1),
            **{name: row.hyperparameters.get(name) for name in names},
            "reason": row.reason,
        }
        for rank, row in enumerate(rows, start=1)
    ]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, lines[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode()


def format_row(row: Row, drawn: Mapping[str, Any], metric: SelectionMetric) -> str:
    """A line about a trial that ended.

    Args:
        row: the trial.
        drawn: its hyperparameters without those that all trials share.
        metric: by which trials are ranked.
    """
    result = f"{metric.name} {row.score:.4f}" if row.state == DONE else f"{row.state}, {row.reason}"
    return f"{row.name}: {result}; {row.seconds:.0f} s; {_join(drawn)}"


def winner_summary(winner: Row, rows: Sequence[Row], metric: SelectionMetric) -> str:
    """A line about the winner: its score, the uncertainty of that, and trials that cannot be told apart from it.

    Args:
        winner: one of the rows.
        rows: best first.
        metric: by which they are ranked.
    """
    trials = [row for row in rows if not row.is_baseline]
    best, score = trials[0], winner.score or 0.0
    interval = " to ".join(map(_four_decimals, metric.interval(score) or ()))
    known_interval = f"95 % interval {interval}, " if interval else ""
    summary = (
        f"winner of {len(trials)} trials: {winner.name}, validation {metric.name} {score:.4f} "
        f"({known_interval}{metric.texts:,} texts)"
    )
    if best != winner:
        return (
            f"{summary}; {best.name} has {best.score:.4f}, less than a standard error better than the library's "
            "defaults, which are preferred"
        )
    near = [row for row in trials[1:] if row.state == DONE and metric.is_within_error(row.score, score)]
    if len(trials) > 1:
        summary += ", slightly optimistic, since it was selected on these texts"
    nearness = "are within a standard error" if metric.score else "have the same loss"
    return summary + (f"; {len(near)} other trials {nearness}" if near else "")


def baseline_warning(winner: Row, rows: Sequence[Row]) -> str | None:
    """A line where a baseline is better than all trials; else None.

    Args:
        winner: of the trials.
        rows: best first.
    """
    best = rows[0]
    if not best.is_baseline:
        return None
    return (
        f"a baseline is better than all trials: {best.name} has {best.score:.4f} after {best.seconds:.0f} s; the model "
        f"folder holds {winner.name}, the best pretrained model"
    )


def _csv_cells(row: Row, metric: SelectionMetric) -> dict[str, float | None]:
    low, high = _interval(row, metric) or (None, None)
    cells = {metric.name: row.score, "low": low, "high": high}
    cells.setdefault("loss", row.loss)  # unless it is the metric
    return cells


def _table_cells(row: Row, metric: SelectionMetric) -> dict[str, str]:
    cells = {metric.name: _four_decimals(row.score)}
    if metric.is_share_of_texts:
        cells["95 % interval"] = " to ".join(map(_four_decimals, _interval(row, metric) or ()))
    cells.setdefault("loss", _four_decimals(row.loss))
    return cells


def _interval(row: Row, metric: SelectionMetric) -> tuple[float, float] | None:
    return None if row.score is None else metric.interval(row.score)


def _four_decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _varying_names(rows: Sequence[Row]) -> list[str]:
    """Hyperparameters that have more than one value."""
    values: dict[str, set[Any]] = {}
    for row in rows:
        for name, value in row.hyperparameters.items():
            values.setdefault(name, set()).add(value)
    return [name for name, distinct in values.items() if len(distinct) > 1]


def _join(hyperparameters: Mapping[str, Any]) -> str:
    """Names and values; a switch that is on is its name alone, one that is off is left out."""
    values = {name: "" if value is True else f" {_short(value)}" for name, value in hyperparameters.items()
              if value is not False}  # fmt: skip
    return ", ".join(name + value for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
