"""The Optuna study of a search, in a database: draws hyperparameters and stores results."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from textgraft.errors import ConfigError
from textgraft.training.config import GRADIENT_OPTIONS
from textgraft.tuning.baselines import Baseline
from textgraft.tuning.database import GRACE_SECONDS, heartbeats, open_storage, storage_errors
from textgraft.tuning.leaderboard import DONE, FAILED, OUT_OF_TIME, PRUNED, RUNNING, TrialRow
from textgraft.tuning.search_space import SEARCHABLE, Choice, Domain, OptionValue, SearchSpace
from textgraft.tuning.setup import SelectionMetric

# The median of fewer trials is too uncertain.
_MIN_TRIALS_TO_PRUNE = 3

_MAX_RETRIES = 2

_POLL_SECONDS = 0.1

# Prefix of stored study attributes that name the runs whose models were evaluated on the test texts.
_TESTED = "tested "

_STORED = ("seconds", "loss", "reason", "run", "hyperparameters")

_STATES = {TrialState.COMPLETE: DONE, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED, TrialState.RUNNING: RUNNING}


class Study:
    """The study of one search; an existing one in the database is continued.

    Each trial gets a new sampler (TPE, Bergstra et al., 2011) with a seed derived from the study's and the index of
    the draw. A trial whose process died does not count and its draw is repeated, so an interrupted search, once
    resumed, tries the same hyperparameters as an uninterrupted one.

    Several runners may share the database. A trial takes its draw when all earlier ones have theirs, so no two have the
    same, and the database's clock decides that the process of another runner has died.

    Attributes:
        metric: by which trials are compared.
    """

    def __init__(
        self,
        url: str,
        name: str,
        space: SearchSpace,
        starting_points: Sequence[Mapping[str, OptionValue]],
        metric: SelectionMetric,
        seed: int,
        runner: str | None,
    ) -> None:
        """Open or create the study, in a database at a URL as Optuna takes it.

        The first draws take the values of the starting points, by unique name, and draw what these leave open. The
        runner is a unique name of the process that runs trials here; None where no other uses the database.

        Raises:
            ConfigError: when the database cannot be used.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.metric = metric
        self._space, self._starting_points, self._seed, self._runner = space, starting_points, seed, runner
        self._undrawn_since = dict[int, float]()
        self._storage = open_storage(url, is_shared=runner is not None)
        with storage_errors(ConfigError):
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=name,
                direction="maximize" if metric.metric.higher_is_better else "minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_MIN_TRIALS_TO_PRUNE),
                load_if_exists=True,
            )
            self._id = self._storage.get_study_id_from_name(name)

    @storage_errors()
    def fail_stale_trials(self) -> int:
        """Mark running trials of this runner as failed, since their process is gone.

        Returns the number of those whose draw is repeated: all with which fewer than three processes died.
        """
        stale = [trial for trial in self._trials(TrialState.RUNNING) if self._is_mine(trial)]
        for trial in stale:
            self._study.tell(trial.number, state=TrialState.FAIL)
        counted = {trial.number for trial in self._counted_trials()}
        return sum(trial.number not in counted for trial in stale)

    @storage_errors()
    def fail_silent_trials(self) -> list[str]:
        """Mark running trials of other runners as failed whose heartbeats have stopped; returns their names."""
        running = [trial for trial in self._trials(TrialState.RUNNING) if not self._is_mine(trial)]
        optuna.storages.fail_stale_trials(self._study)
        now = time.monotonic()
        for trial in running:
            # Its process may have died before the first heartbeat.
            since = self._undrawn_since.setdefault(trial.number, now) if "draw" not in trial.user_attrs else now
            if now - since > GRACE_SECONDS:
                self._study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
        return [_name(trial) for trial in running if _is_dead(self._trial(trial))]

    @storage_errors()
    def ask(
        self, trials: int | None = None, on_poll: Callable[[], None] = lambda: None, has_worker: bool = False
    ) -> tuple[optuna.Trial, TrialRow] | None:
        """The next trial, and its row with the hyperparameters drawn.

        Args:
            trials: maximum number of trials of the study.
            on_poll: called while this waits for other runners; may raise.
            has_worker: whether the trial runs in another process than its runner.

        Returns:
            None when other runners have meanwhile started the last trials.
        """
        trial = self._study.ask()
        trial.set_user_attr("runner", self._runner)
        trial.set_user_attr("has_worker", has_worker)
        if self._runner is not None:
            self._storage.record_heartbeat(self._trial_id(trial))
        draw = self._take_draw(trial, on_poll)
        if trials is not None and draw >= trials:
            self.requeue(trial)
            return None
        seed = int(np.random.SeedSequence([self._seed, draw]).generate_state(1)[0])
        sampler: Any = optuna.samplers.TPESampler(seed=seed)
        start = self._starting_points[draw] if draw < len(self._starting_points) else None
        if start is not None:
            sampler = optuna.samplers.PartialFixedSampler(dict(start), sampler)
        self._study.sampler = sampler
        trial.set_user_attr("hyperparameters", self._draw(trial))
        # A trial with drawn values does not have the library's defaults.
        trial.set_user_attr("is_start", start is not None and trial.params.keys() <= start.keys())
        return trial, _row(self._trial(trial))

    @storage_errors()
    def heartbeats(self, trial: optuna.Trial) -> AbstractContextManager[None]:
        """A context in which other runners see that a trial is running."""
        return heartbeats(self._storage, self._trial_id(trial))

    @storage_errors()
    def tell(self, trial: optuna.Trial, row: TrialRow) -> None:
        """Store the result of a trial.

        Raises:
            optuna.exceptions.UpdateFinishedTrialError: when another runner has marked it as failed.
        """
        for name in _STORED:
            trial.set_user_attr(name, getattr(row, name))
        state = next(state for state, name in _STATES.items() if name == row.state)
        self._study.tell(trial, row.score, state)

    @storage_errors()
    def is_below_median(self, trial: optuna.Trial, step: int, score: float) -> bool:
        """Store the score of a running trial; returns whether it is worse than the median of others at the step.

        Raises:
            optuna.exceptions.UpdateFinishedTrialError: when another runner has marked the trial as failed.
        """
        trial.report(score, step)
        return bool(trial.should_prune())

    @storage_errors()
    def lose(self, trial: optuna.Trial) -> None:
        """Mark a trial as failed whose worker has ended; its draw is repeated, unless it has ended three processes.

        Raises:
            optuna.exceptions.UpdateFinishedTrialError: when another runner has marked it as failed.
        """
        trial.set_user_attr("is_lost", True)
        self._study.tell(trial, state=TrialState.FAIL)

    @storage_errors()
    def requeue(self, trial: optuna.Trial) -> None:
        """Discard an interrupted trial; its draw is repeated."""
        with suppress(optuna.exceptions.UpdateFinishedTrialError):  # of another runner, which repeats it
            trial.set_user_attr("interrupted", True)
            self._study.tell(trial, state=TrialState.FAIL)

    @property
    @storage_errors()
    def running_elsewhere(self) -> int:
        """Number of trials that other runners have started and not ended."""
        return sum(not self._is_mine(trial) for trial in self._trials(TrialState.RUNNING))

    @storage_errors()
    def rows(self) -> list[TrialRow]:
        """All trials that count, in the order in which they started."""
        return [_row(trial) for trial in self._counted_trials()]

    @property
    @storage_errors()
    def seconds(self) -> float:
        """Duration of this runner's trials; where several run at the same time, it counts once."""
        total, latest = 0.0, datetime.min
        for start, end in sorted(map(_period, filter(self._is_mine, self._counted_trials()))):
            total += max(timedelta(0), end - max(start, latest)).total_seconds()
            latest = max(latest, end)
        return total

    @property
    @storage_errors()
    def baselines(self) -> list[Baseline]:
        """The stored baselines."""
        return [Baseline(**values) for values in self._study.user_attrs.get("baselines", [])]

    @storage_errors()
    def store_baselines(self, baselines: Sequence[Baseline]) -> None:
        """Store baselines with the study."""
        self._study.set_user_attr("baselines", [asdict(baseline) for baseline in baselines])

    @property
    @storage_errors()
    def tested_runs(self) -> list[str]:
        """Digests of the runs whose models were evaluated on the test texts."""
        return [name.removeprefix(_TESTED) for name in self._study.user_attrs if name.startswith(_TESTED)]

    @storage_errors()
    def add_tested_run(self, run: str) -> None:
        """Store that the model of a run is evaluated on the test texts."""
        self._study.set_user_attr(f"{_TESTED}{run}", True)

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Trials in these states, or all, in the order in which they started."""
        trials: list[FrozenTrial] = self._study.get_trials(deepcopy=False, states=states or None)
        return trials

    def _trial(self, trial: optuna.Trial | FrozenTrial) -> FrozenTrial:
        return next(stored for stored in self._trials() if stored.number == trial.number)

    def _trial_id(self, trial: optuna.Trial) -> int:
        return int(self._storage.get_trial_id_from_study_id_trial_number(self._id, trial.number))

    def _counted_trials(self) -> list[FrozenTrial]:
        """All trials that have a draw, except those whose draw is repeated since their process ended."""
        counted, deaths = list[FrozenTrial](), Counter[int]()
        for trial in self._trials(*_STATES):
            draw = trial.user_attrs.get("draw")
            if draw is None or _is_interrupted(trial):
                continue
            deaths[draw] += _is_dead(trial)
            if not _is_dead(trial) or deaths[draw] > _MAX_RETRIES:
                counted.append(trial)
        return counted

    def _is_mine(self, trial: FrozenTrial) -> bool:
        return self._runner is None or trial.user_attrs.get("runner") == self._runner

    def _take_draw(self, trial: optuna.Trial, on_poll: Callable[[], None]) -> int:
        """The lowest draw that no counted trial has, when all trials that started before have theirs."""
        while any(_precedes_undrawn(other, trial) for other in self._trials(TrialState.RUNNING)):
            time.sleep(_POLL_SECONDS)
            on_poll()
            self.fail_silent_trials()
        counted = [other for other in self._counted_trials() if other.user_attrs.get("reason") != OUT_OF_TIME]
        draws = {other.user_attrs["draw"] for other in counted}
        draw = next(draw for draw in range(len(draws) + 1) if draw not in draws)
        trial.set_user_attr("draw", draw)
        return draw

    def _draw(self, trial: optuna.Trial) -> dict[str, OptionValue]:
        drawn: dict[str, OptionValue] = {}
        for name in SEARCHABLE:  # preset and fine_tune first: the others depend on them
            named_domain = self._space.domain(name, drawn.get("preset", ""), drawn.get("fine_tune", ""))
            if named_domain and name not in _options_without_effect(drawn):
                drawn[name] = _suggest(trial, *named_domain)
        return drawn


def _is_dead(trial: FrozenTrial) -> bool:
    """Whether a trial was failed by another process than its own, or by a later one."""
    return trial.state == TrialState.FAIL and not trial.user_attrs.get("reason")


def _is_interrupted(trial: FrozenTrial) -> bool:
    """Whether a trial ended with its runner, by a signal, or since it ran in a worker, which that ended."""
    is_ended_by_runner = trial.user_attrs.get("has_worker") and not trial.user_attrs.get("is_lost")
    return bool(trial.user_attrs.get("interrupted") or (_is_dead(trial) and is_ended_by_runner))


def _period(trial: FrozenTrial) -> tuple[datetime, datetime]:
    """Start and end of a trial that is stored."""
    end = trial.datetime_complete or trial.datetime_start
    return end - timedelta(seconds=trial.user_attrs.get("seconds", 0)), end


def _precedes_undrawn(other: FrozenTrial, trial: optuna.Trial) -> bool:
    return other.number < trial.number and "draw" not in other.user_attrs


def _name(trial: FrozenTrial) -> str:
    return f"trial {trial.number}"


def _options_without_effect(drawn: Mapping[str, OptionValue]) -> tuple[str, ...]:
    """Options that logistic regression does not have, where it initializes or is the whole training."""
    if drawn.get("head") != "logistic":
        return ()
    return ("balance", *GRADIENT_OPTIONS) if drawn.get("fine_tune") == "none" else ("balance",)


def _suggest(trial: optuna.Trial, name: str, domain: Domain) -> Any:
    if isinstance(domain, Choice):
        return trial.suggest_categorical(name, domain.values)
    suggest: Any = trial.suggest_int if isinstance(domain.low, int) else trial.suggest_float
    return suggest(name, domain.low, domain.high, log=domain.log)


def _row(trial: FrozenTrial) -> TrialRow:
    stored = {name: trial.user_attrs[name] for name in (*_STORED, "is_start") if name in trial.user_attrs}
    score = trial.value if trial.state == TrialState.COMPLETE else None
    if trial.state == TrialState.FAIL and not stored.get("reason"):
        stored["reason"] = f"its process died {_MAX_RETRIES + 1} times"
    return TrialRow(_name(trial), trial.number, _STATES[trial.state], score, **stored)
