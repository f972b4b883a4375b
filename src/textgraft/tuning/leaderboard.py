"""The leaderboard of a search: all trials and baselines, best first, as a table and as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from rich.table import Table

from textgraft.data.formulas import escape_formula
from textgraft.terminal.console import cell
from textgraft.terminal.escaping import MAX_LINE
from textgraft.tuning.baselines import Baseline
from textgraft.tuning.setup import SelectionMetric

DONE, PRUNED, FAILED, RUNNING = "done", "pruned", "failed", "running"

# Reason of a pruned trial whose draw is repeated when there is time.
OUT_OF_TIME = "no time left"
_ORDER = (DONE, PRUNED, RUNNING, FAILED)
_MAX_TABLE_ROWS = 10


@dataclass(frozen=True)
class TrialRow:
    """A trial, or a baseline, which has no loss and no hyperparameters.

    Attributes:
        name: "trial 3", or the baseline's.
        number: Optuna's number of the trial; -1 for a baseline.
        state: "done", "pruned", "running" or "failed".
        score: the selection metric; None unless it is done.
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
        return self.number < 0

    @property
    def is_done_trial(self) -> bool:
        """Whether it is a trial that completed."""
        return self.state == DONE and not self.is_baseline


@dataclass(frozen=True)
class Leaderboard:
    """Ranked rows.

    Attributes:
        rows: best first; ties go to the lower loss, then to trials, the library's defaults, and the earlier trial.
        metric: ranks the rows.
    """

    rows: tuple[TrialRow, ...]
    metric: SelectionMetric

    @classmethod
    def rank(cls, trials: Iterable[TrialRow], baselines: Iterable[Baseline], metric: SelectionMetric) -> Self:
        """Rank trials and baselines."""

        def order(row: TrialRow) -> tuple[Any, ...]:
            loss = float("inf") if row.loss is None else row.loss
            state = _ORDER.index(row.state)
            return state, metric.sort_key(row.score), loss, row.is_baseline, not row.is_start, row.number

        baseline_rows = [TrialRow(known.name, -1, DONE, known.score, seconds=known.seconds) for known in baselines]
        return cls(tuple(sorted([*trials, *baseline_rows], key=order)), metric)

    @property
    def winner(self) -> TrialRow | None:
        """The trial whose model is kept; None when none is done.

        It is the best, or the best starting point if that is within a standard error of the best: the score of the best
        of many trials is partly luck, which on a hundred texts exceeds the gain of most trials over the defaults. The
        standard error of a loss is unknown, so with a loss the best wins.
        """
        done = [row for row in self.rows if row.is_done_trial]
        start = next((row for row in done if row.is_start), None)
        if start and self.metric.is_within_error(start.score, done[0].score or 0.0):
            return start
        return done[0] if done else None

    def table(self) -> Table:
        """The first ten rows."""
        title = f"{self.metric.texts} validation texts; * the winner"
        table = Table("", "name", *self._table_cells(self.rows[0]), "time", "hyperparameters", title=title)
        varying, winner = list(self._varying_names()), self.winner
        for rank, row in enumerate(self.rows[:_MAX_TABLE_ROWS], start=1):
            details = _join({name: row.hyperparameters[name] for name in varying if name in row.hyperparameters})
            if row.reason:
                details = row.reason if row.state == FAILED else f"{row.state} {row.reason}: {details}"
            name = cell(row.name, "bold" if row is winner else "")
            rank_cell = f"{rank} *" if row is winner else str(rank)
            details_cell = cell(details, limit=MAX_LINE)
            table.add_row(rank_cell, name, *self._table_cells(row).values(), f"{row.seconds:.0f} s", details_cell)
        if len(self.rows) > _MAX_TABLE_ROWS:
            table.caption = f"and {len(self.rows) - _MAX_TABLE_ROWS} more in leaderboard.csv"
        return table

    def csv(self) -> bytes:
        """All rows, with a column for each hyperparameter; texts that a spreadsheet would calculate are escaped."""
        names = list(dict.fromkeys(name for row in self.rows for name in row.hyperparameters))
        winner = self.winner
        lines = []
        for rank, row in enumerate(self.rows, start=1):
            winning, (low, high) = "yes" if row is winner else "", self.metric.interval(row.score) or (None, None)
            cells: dict[str, Any] = {"rank": rank, "name": row.name, "winner": winning, "state": row.state}
            cells |= {self.metric.name: row.score, "low": low, "high": high}
            cells.setdefault("loss", row.loss)  # unless it is the metric
            cells |= {"seconds": round(row.seconds, 1), **{name: row.hyperparameters.get(name) for name in names}}
            cells["reason"] = row.reason
            lines.append({name: escape_formula(cell) for name, cell in cells.items()})
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, lines[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
        return text.getvalue().encode()

    def summary(self, winner: TrialRow) -> str:
        """A line about the winner: its score, the interval of the score, and the number of similar trials."""
        trials = [row for row in self.rows if not row.is_baseline]
        best, score = trials[0], winner.score or 0.0
        interval = " to ".join(map(_four_decimals, self.metric.interval(score)))
        known_interval = f"95 % interval {interval}, " if interval else ""
        summary = (
            f"winner of {len(trials)} trials: {winner.name}, validation {self.metric.name} {score:.4f} "
            f"({known_interval}{self.metric.texts:,} texts)"
        )
        if best != winner:
            return (
                f"{summary}; best score: {best.name}, {best.score:.4f}; within one standard error, so the defaults win"
            )
        near = [row for row in trials[1:] if row.is_done_trial and self.metric.is_within_error(row.score, score)]
        if len(trials) > 1:
            summary += ", slightly optimistic, since it was selected on these texts"
        nearness = "are within a standard error" if self.metric.metric.is_share else f"have the same {self.metric.name}"
        return summary + (f"; {len(near)} other trials {nearness}" if near else "")

    def baseline_warning(self, winner: TrialRow) -> str | None:
        """A warning if a baseline is better than all trials; else None."""
        best = self.rows[0]
        if not best.is_baseline:
            return None
        return (
            f"a baseline is better than all trials: {best.name} has {best.score:.4f} after {best.seconds:.0f} s; the "
            f"model folder holds {winner.name}, the best pretrained model"
        )

    def _table_cells(self, row: TrialRow) -> dict[str, str]:
        cells = {self.metric.name: _four_decimals(row.score)}
        if self.metric.metric.of_texts:
            cells["95 % interval"] = " to ".join(map(_four_decimals, self.metric.interval(row.score)))
        cells.setdefault("loss", _four_decimals(row.loss))  # unless it is the metric
        return cells

    def _varying_names(self) -> Iterator[str]:
        """Hyperparameters that have more than one value."""
        for name in dict.fromkeys(name for row in self.rows for name in row.hyperparameters):
            if len({row.hyperparameters[name] for row in self.rows if name in row.hyperparameters}) > 1:
                yield name


def format_row(row: TrialRow, drawn: Mapping[str, Any], metric: SelectionMetric) -> str:
    """A line about a trial that ended, with the hyperparameters that were drawn for it."""
    result = f"{metric.name} {row.score:.4f}" if row.state == DONE else f"{row.state}, {row.reason}"
    return f"{row.name}: {result}; {row.seconds:.0f} s; {_join(drawn)}"


def _four_decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _join(hyperparameters: Mapping[str, Any]) -> str:
    """Names and values; a switch that is on is its name alone, one that is off is omitted."""
    shown = {name: f"{value:.3g}" if isinstance(value, float) else value for name, value in hyperparameters.items()}
    return ", ".join(
        name if value is True else f"{name} {value}" for name, value in shown.items() if value is not False
    )
