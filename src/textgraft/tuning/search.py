"""The search: one trial after the other, within its budget, the best model so far kept on disk."""

import gc
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import optuna
import tensorflow as tf

from textgraft.errors import ConfigError, InterruptionError, TrainingError
from textgraft.model_folder import folder as model_folder
from textgraft.tasks.base import load_as
from textgraft.tasks.trainable import TrainableTask
from textgraft.training.progress import TrainingBar
from textgraft.tuning.assignment import Assignment
from textgraft.tuning.baselines import baselines
from textgraft.tuning.budget import Budget
from textgraft.tuning.candidate import Words, built, fitted
from textgraft.tuning.leaderboard import DONE, FAILED, OUT_OF_TIME, PRUNED, Row, as_csv, chosen, ranked, told
from textgraft.tuning.run_folder import LEADERBOARD, RunFolder
from textgraft.tuning.study import Study
from textgraft.tuning.trial_watcher import TrialWatcher

# Trials in a row that failed or had been made before: the space is wrong, or used up.
_MOST_IDLE = 10


class Search:
    """The trials of a study that are run here."""

    def __init__(
        self, folder: RunFolder, study: Study, assignment: Assignment, fixed: Words, say: Callable[[str], None]
    ) -> None:
        """Prepare.

        Args:
            folder: gets the best model so far, and the leaderboard.
            study: asked and told.
            assignment: what the models are to learn.
            fixed: words that all candidates share: "precision" and "seed" among them.
            say: told a line about each trial.
        """
        self._folder, self._study, self._fixed, self._say = folder, study, fixed, say
        self._assignment, self._parts, self._measure = assignment, assignment.parts, study.measure

    def run(self, budget: Budget) -> None:
        """Run trials until the budget is spent.

        Raises:
            TextgraftError: for what no other trial could mend: a preset, the disk, the database.
        """
        self._judge_baselines()
        deadline = float("inf")
        if budget.minutes is not None:
            deadline = time.monotonic() + 60 * budget.minutes - self._study.seconds
        idle = 0
        while not self._is_spent(budget, deadline):
            row = self._trial(deadline)
            self._folder.write(LEADERBOARD, as_csv(self.rows(), self._measure))
            idle = 0 if row.seconds and row.state != FAILED else idle + 1
            if row.why == OUT_OF_TIME:
                return
            if idle == _MOST_IDLE:
                self._say(f"stopped: {idle} trials in a row failed or had been made before; change the space")
                return

    def rows(self) -> list[Row]:
        """The leaderboard, best first."""
        return self._ranked(self._study.rows())

    def winner(self) -> tuple[Row, TrainableTask]:
        """The best trial and its model, which the folder holds; trained again here if another machine found it.

        Raises:
            TrainingError: when no trial is done.
        """
        best = self._best(self.rows())
        if best is None:
            why = next((f"; the last one: {row.why}" for row in reversed(self._study.rows()) if row.why), "")
            raise TrainingError(f"no trial came to its end{why}; change the space or give more time")
        if _run_of(self._folder.model) != best.run:
            self._say(f"{best.name} was not run here; its training is repeated")
            model = built(best.words, self._assignment)
            with TrainingBar(int(best.words.get("epochs", 1)), len(self._parts.train)) as bar:
                fitted(model, best.words, self._parts, bar)
            model.save(self._folder.model, overwrite=True)
        return best, load_as(TrainableTask, self._folder.model, best.words["precision"])

    def _judge_baselines(self) -> None:
        if self._study.baselines:
            return
        found = baselines(self._assignment.problem, self._parts.train, self._parts.validation)
        self._study.keep_baselines(found)
        for one in found:
            self._say(f"baseline {one.name}: {self._measure.name} {one.score:.4f}, {one.seconds:.0f} s")
        if not found:
            self._say("no baseline without transfer is known for such texts and labels")

    def _is_spent(self, budget: Budget, deadline: float) -> bool:
        made = [row for row in self._study.rows() if row.why != OUT_OF_TIME]
        if budget.trials is not None and len(made) >= budget.trials:
            return True
        return time.monotonic() >= deadline and self._best(self.rows()) is not None

    def _trial(self, deadline: float) -> Row:
        trial, asked = self._study.ask()
        start = time.monotonic()
        row = replace(asked, words={**self._fixed, **asked.words})
        same = next((other for other in self._study.rows() if other.state == DONE and other.words == row.words), None)
        if same:
            row = replace(row, state=PRUNED, why=f"same as {same.name}")
        else:
            try:
                row = self._trained(trial, row, deadline if self._best(self.rows()) else float("inf"))
            except InterruptionError:
                self._study.put_back(trial)
                raise
            row = replace(row, seconds=time.monotonic() - start)
        self._study.tell(trial, row)
        self._say(told(row, asked.words, self._measure))
        return row

    def _trained(self, trial: optuna.Trial, row: Row, deadline: float) -> Row:
        """Train a candidate; keep its model if it is the best."""
        keras.utils.clear_session()  # names and memory as in a process of its own
        gc.collect()
        try:
            model = built(row.words, self._assignment)
            epochs, texts = int(row.words.get("epochs", 1)), len(self._parts.train)
            with TrialWatcher(trial, self._measure, epochs, texts, deadline) as callback:
                history = fitted(model, row.words, self._parts, callback)
        except optuna.TrialPruned as pruned:
            return replace(row, state=PRUNED, why=str(pruned))
        except (ConfigError, TrainingError) as error:
            return replace(row, state=FAILED, why=str(error))
        except tf.errors.ResourceExhaustedError:
            return replace(row, state=FAILED, why="the memory does not suffice")
        record = history.records[history.best_epoch - 1]
        score = self._measure.of(record)
        done = replace(row, state=DONE, score=score, loss=record["val_loss"], run=model.record["run"])
        if self._best(self._ranked([*self._study.rows(), done])) is done:
            model.save(self._folder.model, overwrite=True)
        return done

    def _ranked(self, trials: list[Row]) -> list[Row]:
        return ranked(trials, self._study.baselines, self._measure)

    def _best(self, rows: list[Row]) -> Row | None:
        return chosen(rows, self._measure)


def _run_of(folder: Path) -> str | None:
    """The digest of the run that made a model; None where there is no model."""
    if not model_folder.is_model_folder(folder):
        return None
    run: str | None = model_folder.read(folder).config.get("run")
    return run
