"""The loop of a search, with an executor that trains nothing."""

from dataclasses import replace

import pytest
from optuna.trial import TrialState

from tests.helpers.study_runner import SPACE
from textgraft.data.metrics import Metric
from textgraft.errors import InterruptionError
from textgraft.tuning.leaderboard import OUT_OF_TIME
from textgraft.tuning.run_folder import RunFolder
from textgraft.tuning.search import Search
from textgraft.tuning.setup import SelectionMetric
from textgraft.tuning.study import Study
from textgraft.tuning.trials import Trainer, TrialResult


class Executor:
    """Ends one trial at a time, the last that was started, as a function of its row says.

    Attributes:
        seconds: of each trial that was started, by the trial's number.
        most: the most trials that ran at the same time.
    """

    has_workers = True

    def __init__(self, capacity, end):
        self.capacity, self._end, self._running = capacity, end, []
        self.seconds, self.most = {}, 0

    def start(self, row, seconds):
        self._running.append(row)
        self.seconds[row.number] = seconds
        self.most = max(self.most, len(self._running))

    def wait(self):
        return [self._end(self._running.pop())]

    def poll(self):
        pass


def done(row, score=0.5, seconds=1.0, save=None):
    return TrialResult(
        replace(row, state="done", score=score, loss=0.5, seconds=seconds, run=f"run {row.number}"), save
    )


def lost(row):
    return TrialResult(row, loss_reason="WorkerCrashedError")


@pytest.fixture
def make_search(studies_in_memory, tmp_path):
    """A function that opens the search of a test, whose lines are then its attribute `lines`."""

    def make():
        metric = SelectionMetric(Metric("accuracy", of_texts=True), 100, 100)
        study = Study("", str(tmp_path), SPACE, [], metric, 0, None)
        folder, lines = RunFolder(tmp_path, {}), []
        search = Search(folder, study, Trainer(None, metric, None, folder.logs, ""), {}, lines.append)
        search.lines = lines
        return search

    return make


def test_trials_that_run_together_have_different_draws(make_search):
    executor, search = Executor(3, done), make_search()
    search.run(executor, 8, None)
    rows = search.study.rows()
    assert (executor.most, len(rows), {row.state for row in rows}) == (3, 8, {"done"})
    assert len({row.hyperparameters["learning_rate"] for row in rows}) == 8
    assert search.study.fail_stale_trials() == 0


def test_lost_worker_costs_its_trial_only(make_search):
    executor, search = Executor(2, lambda row: lost(row) if row.number == 1 else done(row)), make_search()
    search.run(executor, 5, None)
    rows = search.study.rows()
    assert [row.number for row in rows] == [0, 2, 3, 4, 5]
    assert search.lines[0].startswith("trial 1: failed, its worker ended (WorkerCrashedError); ")
    draws = sorted(trial.user_attrs["draw"] for trial in search.study._trials())
    assert draws == [0, 1, 1, 2, 3, 4]


def test_search_stops_when_all_workers_are_lost(make_search):
    executor, search = Executor(2, lost), make_search()
    search.run(executor, None, 60)
    assert any(line.startswith("stopped: 10 trials in a row failed") for line in search.lines)
    assert len(executor.seconds) == 11


def test_interruption_repeats_the_trials_that_ran(make_search):
    def interrupt(row):
        if row.number == 3:
            raise InterruptionError("stopped", 2)
        return done(row)

    search = make_search()
    with pytest.raises(InterruptionError):
        search.run(Executor(3, interrupt), 6, None)
    search = make_search()
    assert search.study.fail_stale_trials() == 0
    assert len(search.study.rows()) == 1
    search.run(Executor(3, done), 6, None)
    assert sorted(trial.user_attrs["draw"] for trial in search.study._counted_trials()) == list(range(6))


def test_first_trial_has_no_deadline(make_search):
    executor, search = Executor(3, done), make_search()
    search.run(executor, 4, 1)
    assert executor.seconds.pop(0) == float("inf")
    assert all(50 < seconds <= 60 for seconds in executor.seconds.values())


def test_no_trial_is_started_after_the_deadline(make_search):
    executor, search = Executor(2, done), make_search()
    search.run(executor, 4, 1e-9)
    assert executor.seconds == {0: float("inf")}


def test_trial_without_time_ends_the_search(make_search):
    def end(row):
        if row.number != 1:
            return done(row)
        return TrialResult(replace(row, state="pruned", reason=OUT_OF_TIME, seconds=1.0))

    executor, search = Executor(2, end), make_search()
    search.run(executor, None, 60)
    assert [row.state for row in search.study.rows()] == ["done", "pruned"]


def test_model_of_the_best_trial_is_saved(make_search, tmp_path):
    saved, scores = [], [0.6, 0.5, 0.9, 0.8]
    executor = Executor(
        1, lambda row: done(row, scores[row.number], save=lambda path: saved.append((row.number, path)))
    )
    make_search().run(executor, 4, None)
    assert saved == [(0, tmp_path / "model"), (2, tmp_path / "model")]


def test_result_of_a_trial_that_another_runner_took_for_dead_is_discarded(make_search):
    search = make_search()

    def end(row):
        if row.number == 0:
            search.study._study.tell(0, state=TrialState.FAIL)
            assert search.is_below_median(0, 1, 0.5)
        return done(row)

    search.run(Executor(1, end), 2, None)
    assert search.lines[0] == "trial 0: discarded, since other runners missed its heartbeats and repeat it"
    assert [row.number for row in search.study.rows()] == [1, 2]
