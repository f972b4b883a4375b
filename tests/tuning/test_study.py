"""The study: what it draws is a function of seed and history, also when processes die."""

import time
import warnings
from dataclasses import replace
from functools import partial

import pytest

from textgraft.data.metrics import REGRESSION, Metric, find_metric
from textgraft.errors import ConfigError
from textgraft.tuning.database import open_storage
from textgraft.tuning.leaderboard import OUT_OF_TIME, TrialRow
from textgraft.tuning.search_space import Choice, Range, SearchSpace
from textgraft.tuning.setup import SelectionMetric
from textgraft.tuning.study import Study

pytestmark = pytest.mark.usefixtures("studies_in_memory")

SPACE = SearchSpace(
    {
        "preset": Choice(("minilm",)),
        "fine_tune": Choice(("none", "all")),
        "learning_rate": Range(1e-5, 1e-3, log=True),
        "epochs": Range(1, 4),
    },
    {"none": {"learning_rate": Range(1e-3, 1e-1, log=True)}},
)
STARTS = [
    {"preset": "minilm", "fine_tune": "none", "none.learning_rate": 1e-2, "epochs": 3},
    {"preset": "minilm", "fine_tune": "all"},
]

ACCURACY, LOSS = (
    SelectionMetric(Metric("accuracy", of_texts=True), 100, 100),
    SelectionMetric(find_metric("loss", REGRESSION), 100, 100),
)


def opened(folder, seed=0, runner=None, measure=ACCURACY):
    """The study of a folder."""
    return Study("", str(folder), SPACE, STARTS, measure, seed, runner)


def complete(study, trial, row, accuracy=None):
    accuracy = (
        row.hyperparameters["epochs"] / 4 - row.hyperparameters["learning_rate"] if accuracy is None else accuracy
    )
    study.tell(trial, replace(row, state="done", score=accuracy, loss=0.5, seconds=1.0, run=f"run {row.number}"))


def drawn(study, trials):
    drawn_values = []
    for _ in range(trials):
        trial, row = study.ask()
        complete(study, trial, row)
        drawn_values.append(row.hyperparameters)
    return drawn_values


def test_starting_points_come_first_and_open_values_are_drawn(tmp_path):
    first, second = drawn(opened(tmp_path), 2)
    assert first == {"preset": "minilm", "fine_tune": "none", "learning_rate": 1e-2, "epochs": 3}
    assert second["fine_tune"] == "all"
    assert 1e-5 <= second["learning_rate"] <= 1e-3


def test_domains_of_a_table_apply_to_it_alone(tmp_path):
    for words in drawn(opened(tmp_path), 12):
        assert (words["learning_rate"] >= 1e-3) == (words["fine_tune"] == "none")


def test_draws_depend_on_the_seed_alone(tmp_path_factory):
    drawn_values = [drawn(opened(tmp_path_factory.mktemp("study"), seed), 14) for seed in (0, 0, 1)]
    assert drawn_values[0] == drawn_values[1]
    assert drawn_values[0][2:] != drawn_values[2][2:]
    assert len({tuple(words.items()) for words in drawn_values[0]}) == 14  # no draw is made twice


def test_draws_of_dead_processes_are_repeated(tmp_path_factory):
    """As kill -9 leaves it: a trial that runs for ever, before the first and after the eleventh trial."""
    expected = drawn(opened(tmp_path_factory.mktemp("whole")), 14)
    folder = tmp_path_factory.mktemp("cut")
    opened(folder).ask()
    study = opened(folder)
    assert study.fail_stale_trials() == 1
    drawn_values = drawn(study, 11)
    study.ask()
    study = opened(folder)
    assert study.fail_stale_trials() == 1
    assert study.fail_stale_trials() == 0
    assert [*drawn_values, *drawn(study, 3)] == expected
    assert [row.state for row in study.rows()] == ["done"] * 14


def test_draw_that_kills_three_processes_fails(tmp_path):
    words = []
    for _ in range(3):
        study = opened(tmp_path)
        study.fail_stale_trials()
        words.append(study.ask()[1].hyperparameters)
    assert words[0] == words[1] == words[2]
    study = opened(tmp_path)
    assert study.fail_stale_trials() == 0
    (row,) = study.rows()
    assert (row.state, row.reason) == ("failed", "its process died 3 times")
    assert study.ask()[1].hyperparameters["fine_tune"] == "all"


def test_process_that_dies_while_storing_a_result_has_stored_nothing(tmp_path):
    trial, row = opened(tmp_path).ask()
    for name in ("seconds", "reason", "run"):
        trial.set_user_attr(name, getattr(row, name))
    study = opened(tmp_path)
    assert study.fail_stale_trials() == 1
    assert study.rows() == []
    assert study.ask()[1].hyperparameters == row.hyperparameters


def test_stale_trials_of_other_runners_are_left_alone(tmp_path):
    opened(tmp_path, runner="here").ask()
    there = opened(tmp_path, runner="there")
    assert there.fail_stale_trials() == 0
    complete(there, *there.ask())
    assert there.seconds == 1.0
    here = opened(tmp_path, runner="here")
    assert here.fail_stale_trials() == 1
    assert here.seconds == 0.0
    assert [row.name for row in here.rows()] == ["trial 1"]


def test_rows_are_read_as_stored(tmp_path):
    study = opened(tmp_path)
    trial, row = study.ask()
    assert row == TrialRow("trial 0", 0, "running", hyperparameters=row.hyperparameters, is_start=True)
    failed = replace(row, state="failed", seconds=2.0, reason="it does not suit")
    study.tell(trial, failed)
    assert opened(tmp_path).rows() == [failed]


def pruning_bar(study, trial, metric, epochs, deadline=float("inf")):
    from textgraft.tuning.trials import PruningBar

    return PruningBar(partial(study.is_below_median, trial), metric, epochs, 10, deadline)


def test_trial_below_the_median_is_pruned(tmp_path):
    from textgraft.tuning.trials import PrunedError

    def run(study, accuracies):
        trial, row = study.ask()
        with pruning_bar(study, trial, ACCURACY, len(accuracies)) as callback:
            for epoch, accuracy in enumerate(accuracies, 1):
                callback.on_epoch_end({"epoch": epoch, "val_accuracy": accuracy})
        complete(study, trial, row, accuracies[-1])

    study = opened(tmp_path)
    run(study, [0.6, 0.7, 0.8])
    run(study, [0.1, 0.2, 0.3])  # two others are no median
    run(study, [0.6, 0.7])
    run(study, [0.7] * 8)
    with pytest.raises(PrunedError, match="worse than the median after epoch 2"):
        run(study, [0.2] * 8)  # the first epoch of eight is no quarter


def test_loss_above_the_median_is_pruned(tmp_path):
    from textgraft.tuning.trials import PrunedError

    study = opened(tmp_path, measure=LOSS)

    def run(losses):
        trial, row = study.ask()
        with pruning_bar(study, trial, LOSS, len(losses)) as callback:
            for epoch, loss in enumerate(losses, 1):
                callback.on_epoch_end({"epoch": epoch, "val_loss": loss})
        complete(study, trial, row, losses[-1])

    for losses in ([0.6, 0.5], [0.7, 0.6], [0.8, 0.7], [0.5, 0.4]):
        run(losses)
    with pytest.raises(PrunedError, match="worse than the median after epoch 1"):
        run([0.9, 0.1])


def test_trial_without_time_left_is_pruned(tmp_path):
    from textgraft.training.callbacks import Step
    from textgraft.tuning.trials import PrunedError

    study = opened(tmp_path)
    trial, _ = study.ask()
    with pruning_bar(study, trial, ACCURACY, 2, time.monotonic() + 60) as callback:
        callback.on_step_end(Step(1, 1, 1, {"loss": 1.0}, 30))
        with pytest.raises(PrunedError, match="no time left"):
            callback.on_step_end(Step(2, 1, 1, {"loss": 1.0}, 90))


@pytest.mark.parametrize("url", ["nonsense", "nonsense://x", "sqlite:////absent/folder/study.sqlite"])
def test_unusable_databases_are_reported(url):
    with (
        warnings.catch_warnings(),
        pytest.raises(ConfigError, match="the database of the search cannot be used") as error,
    ):
        open_storage(url, is_shared=False)
    assert "\n" not in str(error.value)


def test_interrupted_trials_do_not_count(tmp_path):
    study = opened(tmp_path)
    drawn(study, 1)
    for _ in range(4):
        trial, row = study.ask()
        assert row.hyperparameters["fine_tune"] == "all"
        study.requeue(trial)
        assert study.fail_stale_trials() == 0
    assert len(study.rows()) == 1
    assert drawn(study, 1)[0] == row.hyperparameters


def test_trial_without_time_is_repeated(tmp_path):
    study = opened(tmp_path)
    trial, row = study.ask()
    study.tell(trial, replace(row, state="pruned", reason=OUT_OF_TIME, seconds=1.0))
    again = study.ask()[1]
    assert again.hyperparameters == row.hyperparameters
    assert again.is_start


def test_partly_drawn_trials_are_not_starting_points(tmp_path):
    study = opened(tmp_path)
    starts = []
    for _ in range(3):
        trial, row = study.ask()
        starts.append(row.is_start)
        complete(study, trial, row)
    assert starts == [True, False, False]  # the second start leaves the learning rate open


def test_closed_form_head_draws_no_gradient_options(tmp_path):
    space = replace(SPACE, tables={"none": {"head": Choice(("logistic",)), **SPACE.tables["none"]}})
    starts = [{"preset": "minilm", "fine_tune": "none"}]
    study = Study("", str(tmp_path), space, starts, ACCURACY, 0, None)
    assert study.ask()[1].hyperparameters == {"preset": "minilm", "fine_tune": "none", "head": "logistic"}


def test_running_trials_of_other_runners_are_counted(tmp_path):
    here, there = opened(tmp_path, runner="here"), opened(tmp_path, runner="there")
    trial, row = there.ask()
    assert (here.running_elsewhere, there.running_elsewhere) == (1, 0)
    complete(there, trial, row)
    assert here.running_elsewhere == 0


def test_trials_in_workers_do_not_count_when_their_runner_dies(tmp_path):
    expected = opened(tmp_path).ask(has_worker=True)[1].hyperparameters
    for _ in range(4):
        study = opened(tmp_path)
        assert study.fail_stale_trials() == 1
        assert study.rows() == []
        assert study.ask(has_worker=True)[1].hyperparameters == expected


def test_draw_that_ends_three_workers_fails(tmp_path):
    study = opened(tmp_path)
    for count in range(3):
        assert len(study.rows()) == 0, count
        trial, row = study.ask(has_worker=True)
        study.lose(trial)
    assert [(row.state, row.reason) for row in study.rows()] == [("failed", "its process died 3 times")]
    assert study.ask()[1].hyperparameters != row.hyperparameters


def test_running_trials_of_one_runner_have_different_draws(tmp_path_factory):
    study, expected = opened(tmp_path_factory.mktemp("a")), drawn(opened(tmp_path_factory.mktemp("b")), 4)
    asked = [study.ask(has_worker=True) for _ in range(4)]
    assert [row.hyperparameters for _, row in asked] == expected
    study.lose(asked[1][0])
    assert study.ask()[1].hyperparameters == expected[1]


def test_time_of_trials_that_run_together_counts_once(tmp_path):
    study = opened(tmp_path)
    trials = [study.ask() for _ in range(2)]
    for trial, row in trials:
        study.tell(trial, replace(row, state="done", score=0.5, loss=0.5, seconds=100.0, run="run"))
    assert 100 <= study.seconds < 110
