"""The Optuna study of a search, in a database: draws hyperparameters and stores results."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from textgraft.errors import ConfigError, ModelFolderError, TextgraftError
from textgraft.training.config import GRADIENT_OPTIONS
from textgraft.tuning.baselines import Baseline
from textgraft.tuning.leaderboard import DONE, FAILED, OUT_OF_TIME, PRUNED, RUNNING, TrialRow
from textgraft.tuning.search_space import SEARCHABLE, Choice, Domain, OptionValue, SearchSpace
from textgraft.tuning.setup import SelectionMetric

# The median of fewer trials is too uncertain.
_MIN_TRIALS_TO_PRUNE = 3

_MAX_RETRIES = 2

# A trial that has run for longer counts as dead.
_MAX_DURATION = timedelta(days=1)

# Prefix of stored study attributes that name trials whose process ended during the trial.
_REQUEUED = "dead trial "

_STORED = ("seconds", "loss", "reason", "run", "hyperparameters")

_STATES = {TrialState.COMPLETE: DONE, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED, TrialState.RUNNING: RUNNING}


@contextmanager
def storage_errors(kind: type[TextgraftError] = ModelFolderError) -> Iterator[None]:
    """Turn the errors of a database into one line, an error of class `kind`."""
    try:
        yield
    except (SQLAlchemyError, ImportError, optuna.exceptions.StorageInternalError) as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        raise kind(
            f"the database of the search cannot be used: {cause}; repair it and run the same command again"
        ) from error


class Study:
    """The study of one search; an existing one in the database is continued.

    Each trial gets a new sampler (TPE, Bergstra et al., 2011) with a seed derived from the study's and the index of
    the draw. A trial whose process died does not count and its draw is repeated, so an interrupted search, once
    resumed, tries the same hyperparameters as an uninterrupted one.

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
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self.metric = metric
        self._space, self._starting_points, self._seed, self._runner = space, starting_points, seed, runner
        with storage_errors(ConfigError):
            self._study = optuna.create_study(
                storage=url,
                study_name=name,
                direction="maximize" if metric.metric.higher_is_better else "minimize",
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_MIN_TRIALS_TO_PRUNE),
                load_if_exists=True,
            )

    @storage_errors()
    def fail_stale_trials(self) -> int:
        """Mark running trials of this runner as failed, since their process is gone.

        Returns the number of those whose draw is repeated: all with which fewer than three processes died.
        """
        repeated = 0
        stale = [trial for trial in self._trials(TrialState.RUNNING) if self._is_mine(trial)]
        for trial in stale:
            if self._crash_count(trial.user_attrs.get("draw")) < _MAX_RETRIES:
                self._study.set_user_attr(f"{_REQUEUED}{trial.number}", True)
                repeated += 1
            self._study.tell(trial.number, state=TrialState.FAIL)
        return repeated

    @storage_errors()
    def ask(self) -> tuple[optuna.Trial, TrialRow]:
        """The next trial, and its row with the hyperparameters drawn."""
        draw = self._next_draw()
        seed = int(np.random.SeedSequence([self._seed, draw]).generate_state(1)[0])
        sampler: Any = optuna.samplers.TPESampler(seed=seed)
        start = self._starting_points[draw] if draw < len(self._starting_points) else None
        if start is not None:
            sampler = optuna.samplers.PartialFixedSampler(dict(start), sampler)
        self._study.sampler = sampler
        trial = self._study.ask()
        trial.set_user_attr("runner", self._runner)
        trial.set_user_attr("draw", draw)
        trial.set_user_attr("hyperparameters", self._draw(trial))
        # A trial with drawn values does not have the library's defaults.
        trial.set_user_attr("is_start", start is not None and trial.params.keys() <= start.keys())
        running = self._trials(TrialState.RUNNING)
        return trial, next(_row(frozen) for frozen in running if frozen.number == trial.number)

    @storage_errors()
    def tell(self, trial: optuna.Trial, row: TrialRow) -> None:
        """Store the result of a trial."""
        for name in _STORED:
            trial.set_user_attr(name, getattr(row, name))
        state = next(state for state, name in _STATES.items() if name == row.state)
        self._study.tell(trial, row.score, state)

    @storage_errors()
    def requeue(self, trial: optuna.Trial) -> None:
        """Discard an interrupted trial; its draw is repeated."""
        trial.set_user_attr("interrupted", True)
        self._study.set_user_attr(f"{_REQUEUED}{trial.number}", True)
        self._study.tell(trial, state=TrialState.FAIL)

    @property
    @storage_errors()
    def running_elsewhere(self) -> int:
        """Number of trials that other runners have started in the last day and not ended."""
        others = [trial for trial in self._trials(TrialState.RUNNING) if not self._is_mine(trial)]
        return sum(datetime.now() - trial.datetime_start < _MAX_DURATION for trial in others if trial.datetime_start)

    @storage_errors()
    def rows(self) -> list[TrialRow]:
        """All trials that count, in the order in which they started."""
        return [_row(trial) for trial in self._counted_trials()]

    @property
    @storage_errors()
    def seconds(self) -> float:
        """Total duration of this runner's trials."""
        mine = filter(self._is_mine, self._counted_trials())
        return float(sum(trial.user_attrs.get("seconds", 0) for trial in mine))

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
        return list(self._study.user_attrs.get("tested", []))

    @storage_errors()
    def add_tested_run(self, run: str) -> None:
        """Store that the model of a run is evaluated on the test texts."""
        self._study.set_user_attr("tested", [*self.tested_runs, run])

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        trials: list[FrozenTrial] = self._study.get_trials(deepcopy=False, states=states)
        return trials

    def _crash_count(self, draw: int | None) -> int:
        """Number of processes that died during earlier trials of a draw."""
        crashed = [trial for trial in self._requeued_trials() if not trial.user_attrs.get("interrupted")]
        return sum(trial.user_attrs.get("draw") == draw for trial in crashed)

    def _counted_trials(self) -> list[FrozenTrial]:
        """All trials except those whose draw is repeated, since their process ended during the trial."""
        return [trial for trial in self._trials(*_STATES) if not self._is_requeued(trial)]

    def _requeued_trials(self) -> list[FrozenTrial]:
        return [trial for trial in self._trials(*_STATES) if self._is_requeued(trial)]

    def _is_requeued(self, trial: FrozenTrial) -> bool:
        return f"{_REQUEUED}{trial.number}" in self._study.user_attrs

    def _is_mine(self, trial: FrozenTrial) -> bool:
        return self._runner is None or trial.user_attrs.get("runner") == self._runner

    def _next_draw(self) -> int:
        counted = [trial for trial in self._counted_trials() if trial.user_attrs.get("reason") != OUT_OF_TIME]
        draws = {trial.user_attrs.get("draw") for trial in counted}
        return next(draw for draw in range(len(draws) + 1) if draw not in draws)

    def _draw(self, trial: optuna.Trial) -> dict[str, OptionValue]:
        drawn: dict[str, OptionValue] = {}
        for name in SEARCHABLE:  # preset and fine_tune first: the others depend on them
            named_domain = self._space.domain(name, drawn.get("preset", ""), drawn.get("fine_tune", ""))
            if named_domain and name not in _options_without_effect(drawn):
                drawn[name] = _suggest(trial, *named_domain)
        return drawn


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
    return TrialRow(f"trial {trial.number}", trial.number, _STATES[trial.state], score, **stored)
