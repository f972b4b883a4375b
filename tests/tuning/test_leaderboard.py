"""The leaderboard and the plots, of rows made by hand."""

import csv
import io
from dataclasses import replace

import pytest
from rich.console import Console

from textgraft.tuning.baselines import Baseline
from textgraft.tuning.leaderboard import (
    Row,
    baseline_warning,
    format_row,
    leaderboard_csv,
    leaderboard_table,
    rank_rows,
    select_winner,
    winner_summary,
)  # fmt: skip
from textgraft.tuning.plots import search_plots
from textgraft.tuning.setup import SelectionMetric

TRIALS = [
    Row("trial 0", 0, "done", 0.80, 0.5, 20, {"fine_tune": "none", "learning_rate": 1e-2, "strip_html": False}),
    Row("trial 1", 1, "done", 0.90, 0.4, 200, {"fine_tune": "all", "learning_rate": 1e-4, "strip_html": True}),
    Row("trial 2", 2, "pruned", None, None, 90, {"fine_tune": "all", "learning_rate": 3e-4}, "below the median"),
    Row("trial 3", 3, "failed", None, None, 1, {"fine_tune": "last:2"}, "no blocks"),
    Row("trial 4", 4, "done", 0.90, 0.3, 210, {"fine_tune": "all", "learning_rate": 2e-4, "strip_html": False}),
]
OF_100 = SelectionMetric("accuracy", 100, 100)
OF_SPANS = SelectionMetric("f1", 100, 40)
LOSS = SelectionMetric(None, 100, 100)


def test_the_best_first_and_of_two_alike_the_lower_loss():
    rows = rank_rows(TRIALS, [Baseline("NB-SVM", 0.9, 1.0), Baseline("TF-IDF", 0.85, 1.0)], OF_100)
    assert [row.name for row in rows] == [
        "trial 4", "trial 1", "NB-SVM", "TF-IDF", "trial 0", "trial 2", "trial 3",
    ]  # fmt: skip
    assert select_winner(rows, OF_100) is TRIALS[4]
    assert select_winner(TRIALS[2:4], OF_100) is None
    assert baseline_warning(TRIALS[4], rows) is None


def test_the_verdict_says_trials_and_uncertainty():
    said = winner_summary(TRIALS[4], rank_rows(TRIALS, [], OF_100), OF_100)
    assert said.startswith(
        "winner of 5 trials: trial 4, validation accuracy 0.9000 (95 % interval 0.8256 to 0.9448, 100"
    )
    assert "1 other trials are within a standard error" in said
    assert "other trials" not in winner_summary(TRIALS[4], [TRIALS[4], TRIALS[0]], OF_100)


def test_the_defaults_stay_where_more_is_luck():
    """Of 100 texts, 0.90 is known to 0.03: a default with 0.88 stays, one with 0.80 does not; of 10,000 neither."""
    default = Row("trial 9", 9, "done", 0.88, 0.5, 20, {"fine_tune": "all"}, is_start=True)
    rows = rank_rows([*TRIALS, default], [], OF_100)
    assert select_winner(rows, OF_100) is default
    assert select_winner(rows, SelectionMetric("accuracy", 10_000, 10_000)) is TRIALS[4]
    assert select_winner(rank_rows([*TRIALS, replace(default, score=0.8)], [], OF_100), OF_100) is TRIALS[4]
    said = winner_summary(default, rows, OF_100)
    assert "trial 4 has 0.9000, less than a standard error better than the library's defaults" in said


def test_a_baseline_that_wins_is_said_plainly():
    rows = rank_rows(TRIALS, [Baseline("NB-SVM", 0.95, 3.0)], OF_100)
    assert "a baseline is better than all trials: NB-SVM has 0.9500 after 3 s" in baseline_warning(TRIALS[4], rows)
    assert "the model folder holds trial 4" in baseline_warning(TRIALS[4], rows)


def test_csv_has_a_column_for_each_word():
    rows = list(
        csv.DictReader(
            io.StringIO(leaderboard_csv(rank_rows(TRIALS, [Baseline("NB-SVM", 0.85, 1.0)], OF_100), OF_100).decode())
        )
    )
    assert (rows[0]["name"], rows[0]["winner"], rows[1]["winner"]) == ("trial 4", "yes", "")
    assert float(rows[0]["learning_rate"]) == 2e-4
    assert float(rows[0]["low"]) == pytest.approx(0.8256, abs=1e-4)
    assert rows[2] == {**rows[2], "name": "NB-SVM", "learning_rate": "", "state": "done"}
    assert rows[-1]["reason"] == "no blocks"


def test_the_table_shows_ten():
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(leaderboard_table(rank_rows(TRIALS * 3, [], OF_100), OF_100))
    said = console.export_text()
    assert "and 5 more in leaderboard.csv" in said
    assert "fine_tune all, learning_rate 0.0001, strip_html" in said


def test_plots_are_png_even_of_one_trial():
    for rows in (rank_rows(TRIALS, [Baseline("NB-SVM", 0.85, 1.0)], OF_100), TRIALS[:1]):
        found = search_plots(rows, OF_100)
        assert set(found) == {"history.png", "parallel.png", "time.png"}
        assert all(picture.startswith(b"\x89PNG\r\n") for picture in found.values())


def test_another_score_has_its_name_and_no_interval():
    rows = rank_rows(TRIALS, [], OF_SPANS)
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(leaderboard_table(rows, OF_SPANS))
    said = console.export_text()
    assert " f1 " in said
    assert "accuracy" not in said
    assert "interval" not in said
    assert winner_summary(TRIALS[4], rows, OF_SPANS).startswith(
        "winner of 5 trials: trial 4, validation f1 0.9000 (100 texts), "
    )
    first = next(csv.DictReader(io.StringIO(leaderboard_csv(rows, OF_SPANS).decode())))
    assert (first["f1"], first["low"], first["high"], first["loss"]) == ("0.9", "", "", "0.3")
    assert format_row(TRIALS[4], {"epochs": 3}, OF_SPANS) == "trial 4: f1 0.9000; 210 s; epochs 3"


def test_the_defaults_stay_within_a_standard_error_of_the_spans():
    """Of 40 spans, 0.90 is known to 0.047; of as many spans as there are texts, to 0.03."""
    default = Row("trial 9", 9, "done", 0.86, 0.5, 20, {"fine_tune": "all"}, is_start=True)
    rows = rank_rows([*TRIALS, default], [], OF_SPANS)
    assert select_winner(rows, OF_SPANS) is default
    assert select_winner(rows, replace(OF_SPANS, sample_size=100)) is TRIALS[4]


def test_of_losses_the_lowest_wins_and_the_defaults_win_ties():
    losses = [
        Row("trial 0", 0, "done", 0.30, 0.30, 20, is_start=True),
        Row("trial 1", 1, "done", 0.29, 0.29, 20),
        Row("trial 2", 2, "failed", None, None, 1, reason="no blocks"),
    ]
    ridge = Baseline("TF-IDF + ridge regression", 0.25, 2.0)
    rows = rank_rows(losses, [ridge], LOSS)
    assert [row.name for row in rows] == [ridge.name, "trial 1", "trial 0", "trial 2"]
    assert select_winner(rows, LOSS) is losses[1]
    assert "a baseline is better than all trials: TF-IDF + ridge regression has 0.2500" in baseline_warning(
        losses[1], rows
    )
    assert winner_summary(losses[1], rows, LOSS) == (
        "winner of 3 trials: trial 1, validation loss 0.2900 (100 texts), slightly optimistic, since it was selected "
        "on these texts"
    )
    late = Row("trial 3", 3, "done", 0.29, 0.29, 20, is_start=True)
    rows = rank_rows([*losses, late], [], LOSS)
    assert select_winner(rows, LOSS) is late is rows[0]
    assert winner_summary(late, rows, LOSS).endswith("; 1 other trials have the same loss")
    head, first, *_ = leaderboard_csv(rows, LOSS).decode().splitlines()
    assert head == "rank,name,winner,state,loss,low,high,seconds,reason"
    assert first == "1,trial 3,yes,done,0.29,,,20,"
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(leaderboard_table(rows, LOSS))
    assert console.export_text().count("loss") == 1
    assert set(search_plots(rows[:3], LOSS)) == {"history.png", "parallel.png", "time.png"}
