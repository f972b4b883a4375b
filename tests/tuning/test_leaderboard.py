"""The leaderboard and the plots, on rows written by hand."""

import csv
import io
from dataclasses import replace

import pytest
from rich.console import Console

from textgraft.data.metrics import REGRESSION, Metric, find_metric
from textgraft.tuning.baselines import Baseline
from textgraft.tuning.leaderboard import Leaderboard, TrialRow, format_row
from textgraft.tuning.plots import search_plots
from textgraft.tuning.setup import SelectionMetric

TRIALS = [
    TrialRow("trial 0", 0, "done", 0.80, 0.5, 20, {"fine_tune": "none", "learning_rate": 1e-2, "strip_html": False}),
    TrialRow("trial 1", 1, "done", 0.90, 0.4, 200, {"fine_tune": "all", "learning_rate": 1e-4, "strip_html": True}),
    TrialRow("trial 2", 2, "pruned", None, None, 90, {"fine_tune": "all", "learning_rate": 3e-4}, "below the median"),
    TrialRow("trial 3", 3, "failed", None, None, 1, {"fine_tune": "last:2"}, "no blocks"),
    TrialRow("trial 4", 4, "done", 0.90, 0.3, 210, {"fine_tune": "all", "learning_rate": 2e-4, "strip_html": False}),
]
BEST = TRIALS[4]
ACCURACY = SelectionMetric(Metric("accuracy", of_texts=True), 100, 100)
F1 = SelectionMetric(Metric("f1"), 100, 40)
LOSS = SelectionMetric(find_metric("loss", REGRESSION), 100, 100)


def rank(*trials, baselines=(), metric=ACCURACY):
    return Leaderboard.rank(trials or TRIALS, baselines, metric)


def printed(leaderboard):
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(leaderboard.table())
    return console.export_text()


def csv_rows(leaderboard):
    return list(csv.DictReader(io.StringIO(leaderboard.csv().decode())))


def test_ties_go_to_the_lower_loss_and_to_trials():
    board = rank(baselines=[Baseline("NB-SVM", 0.9, 1.0), Baseline("TF-IDF", 0.85, 1.0)])
    names = [row.name for row in board.rows]
    assert names == ["trial 4", "trial 1", "NB-SVM", "TF-IDF", "trial 0", "trial 2", "trial 3"]
    assert board.winner is BEST
    assert board.baseline_warning(BEST) is None


def test_without_a_completed_trial_there_is_no_winner():
    assert rank(*TRIALS[2:4]).winner is None


def test_summary_states_trials_and_uncertainty():
    summary = rank().summary(BEST)
    assert summary.startswith(
        "winner of 5 trials: trial 4, validation accuracy 0.9000 (95 % interval 0.8256 to 0.9448, 100"
    )
    assert "1 other trials are within a standard error" in summary
    assert "other trials" not in rank(BEST, TRIALS[0]).summary(BEST)


@pytest.mark.parametrize(
    ("score", "metric", "wins"),
    [
        (0.88, ACCURACY, True),  # of 100 texts, 0.90 is known to 0.03
        (0.88, SelectionMetric(Metric("accuracy", of_texts=True), 10_000, 10_000), False),
        (0.80, ACCURACY, False),
        (0.86, F1, True),  # of 40 spans, to 0.047
        (0.86, replace(F1, sample_size=100), False),
    ],
)
def test_defaults_win_within_a_standard_error(score, metric, wins):
    default = TrialRow("trial 9", 9, "done", score, 0.5, 20, {"fine_tune": "all"}, is_start=True)
    board = rank(*TRIALS, default, metric=metric)
    assert board.winner is (default if wins else BEST)
    message = "best score: trial 4, 0.9000; within one standard error, so the defaults win"
    assert message in board.summary(default)


def test_a_better_baseline_is_reported():
    warning = rank(baselines=[Baseline("NB-SVM", 0.95, 3.0)]).baseline_warning(BEST)
    assert "a baseline is better than all trials: NB-SVM has 0.9500 after 3 s" in warning
    assert "the model folder holds trial 4" in warning


def test_csv_has_a_column_for_each_hyperparameter():
    rows = csv_rows(rank(baselines=[Baseline("NB-SVM", 0.85, 1.0)]))
    assert (rows[0]["name"], rows[0]["winner"], rows[1]["winner"]) == ("trial 4", "yes", "")
    assert float(rows[0]["learning_rate"]) == 2e-4
    assert float(rows[0]["low"]) == pytest.approx(0.8256, abs=1e-4)
    assert rows[2] == {**rows[2], "name": "NB-SVM", "learning_rate": "", "state": "done"}
    assert rows[-1]["reason"] == "no blocks"


def test_table_shows_ten_rows():
    text = printed(rank(*TRIALS * 3))
    assert "and 5 more in leaderboard.csv" in text
    assert "fine_tune all, learning_rate 0.0001, strip_html" in text


@pytest.mark.parametrize(
    "board", [rank(baselines=[Baseline("NB-SVM", 0.85, 1.0)]), rank(TRIALS[0])], ids=["many", "one"]
)
def test_plots_are_png(board):
    plots = search_plots(board)
    assert set(plots) == {"history.png", "parallel.png", "time.png"}
    assert all(png.startswith(b"\x89PNG\r\n") for png in plots.values())


def test_names_of_presets_are_no_formulas_and_no_controls():
    presets = [r"a$\frac{$", "b\x1b]0;title\x07\u202e", "c" * 4_000_000]
    trials = [replace(TRIALS[0], number=n, hyperparameters={"preset": preset}) for n, preset in enumerate(presets)]
    board = rank(*trials)
    assert all(png.startswith(b"\x89PNG\r\n") for png in search_plots(board).values())
    text = printed(board)
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert len(text) < 10_000


def test_scores_other_than_accuracy_have_no_interval():
    board = rank(metric=F1)
    text = printed(board)
    assert " f1 " in text
    assert "accuracy" not in text
    assert "interval" not in text
    assert board.summary(BEST).startswith("winner of 5 trials: trial 4, validation f1 0.9000 (100 texts), ")
    first = csv_rows(board)[0]
    assert (first["f1"], first["low"], first["high"], first["loss"]) == ("0.9", "", "", "0.3")
    assert format_row(BEST, {"epochs": 3}, F1) == "trial 4: f1 0.9000; 210 s; epochs 3"


def test_the_lowest_loss_wins_and_defaults_win_ties():
    losses = [
        TrialRow("trial 0", 0, "done", 0.30, 0.30, 20, is_start=True),
        TrialRow("trial 1", 1, "done", 0.29, 0.29, 20),
        TrialRow("trial 2", 2, "failed", None, None, 1, reason="no blocks"),
    ]
    ridge = Baseline("TF-IDF + ridge regression", 0.25, 2.0)
    board = rank(*losses, baselines=[ridge], metric=LOSS)
    assert [row.name for row in board.rows] == [ridge.name, "trial 1", "trial 0", "trial 2"]
    assert board.winner is losses[1]
    assert "TF-IDF + ridge regression has 0.2500" in board.baseline_warning(losses[1])
    assert board.summary(losses[1]) == (
        "winner of 3 trials: trial 1, validation loss 0.2900 (100 texts), slightly optimistic, since it was selected "
        "on these texts"
    )
    late = TrialRow("trial 3", 3, "done", 0.29, 0.29, 20, is_start=True)
    board = rank(*losses, late, metric=LOSS)
    assert board.winner is late is board.rows[0]
    assert board.summary(late).endswith("; 1 other trials have the same loss")
    head, first, *_ = board.csv().decode().splitlines()
    assert head == "rank,name,winner,state,loss,low,high,seconds,reason"
    assert first == "1,trial 3,yes,done,0.29,,,20,"
    assert printed(board).count("loss") == 1
    assert search_plots(board)
