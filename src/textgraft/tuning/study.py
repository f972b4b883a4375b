"""The study: Optuna's, in a database; what was asked, what came of it, and what the next trial is."""

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
from textgraft.tuning.leaderboard import DONE, FAILED, OUT_OF_TIME, PRUNED, RUNNING, Row
from textgraft.tuning.measure import Measure
from textgraft.tuning.search_space import KINDS, Choice, Options, Space, Value

# A median of fewer is no measure of others.
_UNPRUNED = 3

_MOST_DEATHS = 2

# Whoever has taken longer for a trial is gone.
_LONGEST = timedelta(days=1)

# Of the study's attributes that say which trials ended with their process.
_DEAD = "dead trial "

_KEPT = ("seconds", "loss", "why", "run", "words")

_STATES = {TrialState.COMPLETE: DONE, TrialState.PRUNED: PRUNED, TrialState.FAIL: FAILED, TrialState.RUNNING: RUNNING}


class Study:
    """One search; where the database knows it, it goes on.

    Sampling (TPE, Bergstra et al., 2011) is begun anew for each trial, with a seed made of the study's and the number
    of the draw. A trial whose process died does not count and its draw is made again, so a search that is cut short
    and goes on tries what it would have tried.

    Attributes:
        measure: what its trials are compared by.
    """

    def __init__(
        self,
        url: str,
        name: str,
        space: Space,
        starts: Sequence[Mapping[str, Value]],
        measure: Measure,
        seed: int,
        runner: str | None,
    ) -> None:
        """Open or create it.

        Args:
            url: of the database, as Optuna takes it.
            name: of the study in it.
            space: to draw from.
            starts: options, by name, of the first draws; what they leave open is drawn.
            measure: see `Study`.
            seed: of the draws.
            runner: who runs trials from here on, and alone by this name; None where nobody else uses the database.

        Raises:
            ConfigError: when the database cannot be used.
        """
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        self.measure = measure
        self._space, self._starts, self._seed, self._runner = space, starts, seed, runner
        with storage_errors(ConfigError):
            self._study = optuna.create_study(
                storage=url,
                study_name=name,
                direction=measure.direction,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED),
                load_if_exists=True,
            )

    def bury(self) -> int:
        """Mark trials of this runner as failed that never ended, since their process is gone; how many there were.

        A draw with which a third process dies has failed for good: the next one would die of it too.
        """
        with storage_errors():
            dead = [trial for trial in self._trials(TrialState.RUNNING) if self._is_mine(trial)]
            for trial in dead:
                if self._deaths(trial.user_attrs.get("draw")) < _MOST_DEATHS:
                    self._study.set_user_attr(f"{_DEAD}{trial.number}", True)
                self._study.tell(trial.number, state=TrialState.FAIL)
        return len(dead)

    def ask(self) -> tuple[optuna.Trial, Row]:
        """The next trial, and its row, with the values of words of `textgraft train` that were drawn."""
        with storage_errors():
            draw = self._next_draw()
            seed = int(np.random.SeedSequence([self._seed, draw]).generate_state(1)[0])
            sampler: Any = optuna.samplers.TPESampler(seed=seed)
            if draw < len(self._starts):
                sampler = optuna.samplers.PartialFixedSampler(dict(self._starts[draw]), sampler)
            self._study.sampler = sampler
            trial = self._study.ask()
            trial.set_user_attr("runner", self._runner)
            trial.set_user_attr("draw", draw)
            trial.set_user_attr("words", self._drawn(trial))
            # What a start leaves open is drawn, and then it is not the library's defaults.
            is_start = draw < len(self._starts) and trial.params.keys() <= self._starts[draw].keys()
            trial.set_user_attr("is_start", is_start)
            return trial, next(_row(one) for one in self._trials(TrialState.RUNNING) if one.number == trial.number)

    def tell(self, trial: optuna.Trial, row: Row) -> None:
        """Keep what came of a trial."""
        with storage_errors():
            for name in _KEPT:
                trial.set_user_attr(name, getattr(row, name))
            state = next(state for state, name in _STATES.items() if name == row.state)
            self._study.tell(trial, row.score, state)

    def put_back(self, trial: optuna.Trial) -> None:
        """A trial was interrupted: it does not count, and its draw is made again."""
        with storage_errors():
            trial.set_user_attr("interrupted", True)
            self._study.set_user_attr(f"{_DEAD}{trial.number}", True)
            self._study.tell(trial, state=TrialState.FAIL)

    @property
    def running_elsewhere(self) -> int:
        """How many trials other runners have begun in the last day and not ended."""
        with storage_errors():
            others = [trial for trial in self._trials(TrialState.RUNNING) if not self._is_mine(trial)]
        return sum(datetime.now() - trial.datetime_start < _LONGEST for trial in others if trial.datetime_start)

    def rows(self) -> list[Row]:
        """Every trial that counts, in the order of their beginning."""
        with storage_errors():
            return [_row(trial) for trial in self._living()]

    @property
    def seconds(self) -> float:
        """What this runner's trials have taken."""
        with storage_errors():
            mine = filter(self._is_mine, self._living())
            return float(sum(trial.user_attrs.get("seconds", 0) for trial in mine))

    @property
    def baselines(self) -> list[Baseline]:
        """Those that were kept."""
        with storage_errors():
            return [Baseline(**one) for one in self._study.user_attrs.get("baselines", [])]

    def keep_baselines(self, found: Sequence[Baseline]) -> None:
        """Keep them with the study."""
        with storage_errors():
            self._study.set_user_attr("baselines", [asdict(one) for one in found])

    @property
    def tested(self) -> list[str]:
        """Digests of the runs whose models have seen the test texts."""
        with storage_errors():
            return list(self._study.user_attrs.get("tested", []))

    def keep_tested(self, run: str) -> None:
        """Remember that a run's model sees the test texts."""
        with storage_errors():
            self._study.set_user_attr("tested", [*self.tested, run])

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        found: list[FrozenTrial] = self._study.get_trials(deepcopy=False, states=states)
        return found

    def _deaths(self, draw: int | None) -> int:
        """How many processes have died with a draw before."""
        living = {trial.number for trial in self._living()}
        gone = [trial for trial in self._trials(*_STATES) if trial.number not in living]
        died = [trial for trial in gone if not trial.user_attrs.get("interrupted")]
        return sum(trial.user_attrs.get("draw") == draw for trial in died)

    def _living(self) -> list[FrozenTrial]:
        """All but those whose process ended before they did."""
        dead = {name for name in self._study.user_attrs if name.startswith(_DEAD)}
        return [trial for trial in self._trials(*_STATES) if f"{_DEAD}{trial.number}" not in dead]

    def _is_mine(self, trial: FrozenTrial) -> bool:
        return self._runner is None or trial.user_attrs.get("runner") == self._runner

    def _next_draw(self) -> int:
        kept = [trial for trial in self._living() if trial.user_attrs.get("why") != OUT_OF_TIME]
        made = {trial.user_attrs.get("draw") for trial in kept}
        return next(draw for draw in range(len(made) + 1) if draw not in made)

    def _drawn(self, trial: optuna.Trial) -> dict[str, Value]:
        words: dict[str, Value] = {}
        for word in KINDS:  # preset and fine_tune first: the others depend on them
            found = self._space.options(word, words.get("preset", ""), words.get("fine_tune", ""))
            without_steps = words.get("fine_tune") == "none" and words.get("head") == "logistic"
            if found and not (without_steps and word in GRADIENT_OPTIONS):
                words[word] = _suggested(trial, *found)
        return words


def _suggested(trial: optuna.Trial, name: str, options: Options) -> Value:
    value: Value
    if isinstance(options, Choice):
        value = trial.suggest_categorical(name, options.values)
    elif isinstance(options.low, int):
        value = trial.suggest_int(name, options.low, options.high, log=options.log)
    else:
        value = trial.suggest_float(name, options.low, options.high, log=options.log)
    return value


def _row(trial: FrozenTrial) -> Row:
    kept = {name: trial.user_attrs[name] for name in (*_KEPT, "is_start") if name in trial.user_attrs}
    score = trial.value if trial.state == TrialState.COMPLETE else None
    if trial.state == TrialState.FAIL and not kept.get("why"):
        kept["why"] = "its process died, again and again"
    return Row(f"trial {trial.number}", trial.number, _STATES[trial.state], score, **kept)


@contextmanager
def storage_errors(kind: type[TextgraftError] = ModelFolderError) -> Iterator[None]:
    """Turn what a database raises into one line.

    Args:
        kind: of error.
    """
    try:
        yield
    except (SQLAlchemyError, ImportError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise kind(
            f"the database of the search cannot be used: {reason}; mend that, and the same command goes on"
        ) from (error)
