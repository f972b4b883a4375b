"""A runner of a study without models: `python -m tests.helpers.study_runner URL RUNNER TRIALS SECONDS GRACE`."""

import sys
import time
from dataclasses import replace

from textgraft.data.metrics import Metric
from textgraft.tuning import database
from textgraft.tuning import study as study_module
from textgraft.tuning.search_space import Choice, Range, SearchSpace
from textgraft.tuning.setup import SelectionMetric

SPACE = SearchSpace({"preset": Choice(("minilm",)), "learning_rate": Range(1e-5, 1e-3, log=True)}, {})


def open_study(url, runner):
    metric = SelectionMetric(Metric("accuracy", of_texts=True), 100, 100)
    return study_module.Study(url, "study", SPACE, [{"preset": "minilm"}], metric, 0, runner)


def shorten_grace(seconds):
    """Let trials count as dead after this time."""
    database._HEARTBEAT_SECONDS, database.GRACE_SECONDS, study_module.GRACE_SECONDS = 1, seconds, seconds


def main(url, runner, trials, seconds, grace):
    shorten_grace(int(grace))
    study = open_study(url, runner)
    while len(study.rows()) < int(trials) or study.running_elsewhere:
        study.fail_silent_trials()
        if len(study.rows()) >= int(trials):
            time.sleep(0.2)
            continue
        asked = study.ask(int(trials))
        if asked is None:
            continue
        trial, row = asked
        sys.stdout.write(f"asked {row.number}\n")
        sys.stdout.flush()
        with study.heartbeats(trial):
            time.sleep(float(seconds))
            rate = row.hyperparameters["learning_rate"]
            study.tell(trial, replace(row, state="done", score=rate, loss=1.0, seconds=1.0, run=runner))


if __name__ == "__main__":
    main(*sys.argv[1:])
