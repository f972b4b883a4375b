"""`textgraft tune`: search for the best model on validation texts, test it once, and save it."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.parameters import Group
from textgraft.data.reading import Reading
from textgraft.errors import ConfigError, DataError, InterruptionError
from textgraft.options import changed_options, option
from textgraft.training.interruption import Interruption

if TYPE_CHECKING:
    from textgraft.data.splits import Splits
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.tuning.candidate import Hyperparameters
    from textgraft.tuning.run_folder import RunFolder
    from textgraft.tuning.search import Search
    from textgraft.tuning.search_space import SearchSpace
    from textgraft.tuning.setup import TuningTask
    from textgraft.tuning.study import Study


@dataclass(frozen=True)
class SearchOptions:
    """Space and limits of a search."""

    trials: int | None = option(None, "Maximum number of trials of the search.", shown_default="no limit")
    minutes: float | None = option(
        None, "Maximum minutes of all trials, without the final test.", shown_default="no limit"
    )
    preset: tuple[str, ...] = option((), "Pretrained model; may be repeated.", panel="Model", shown_default="minilm")
    space: str | None = option(
        None, "TOML file with the search space.", shown_default="the default space of docs/guide/tuning.md"
    )
    seed: int = option(0, "Random seed of the validation split, the search and the models.", minimum=0)
    storage: str | None = option(
        None,
        "URL of a database that several machines share.",
        panel="Advanced",
        shown_default="study.sqlite in the run folder",
    )


@dataclass(frozen=True)
class _Request:
    """The arguments of the command.

    Attributes:
        data: source of the training texts.
        out: run folder.
    """

    data: str
    out: Path
    sources: o.Sources
    reading: Reading
    task_options: o.TaskOptions
    model_options: o.ModelOptions
    search_options: SearchOptions
    runtime_options: o.RuntimeOptions

    def read_data(self, task: str, with_test: bool) -> "Splits":
        """The data of the search."""
        from textgraft.cli.inputs import read_run_data

        return read_run_data(task, self.data, self.sources, self.reading, self.search_options.seed, with_test)


def tune(
    data: Annotated[str, typer.Argument(help="Source, as for `textgraft train`.")],
    out: Annotated[
        Path,
        typer.Option(help="Run folder to write: model, leaderboard.csv, plots, command.txt.", rich_help_panel="Output"),
    ],
    sources: o.Sources,
    reading: Reading,
    task_options: Annotated[o.TaskOptions, Group(only=("task",))],
    model_options: Annotated[o.ModelOptions, Group(without=("decoding",))],
    search_options: SearchOptions,
    runtime_options: o.RuntimeOptions,
) -> None:
    """Search for the best model on validation texts.

    It is compared with baselines, and tested once.

    An interrupted search resumes when the same command is run again; with higher limits, a finished one continues.

    Examples:
        textgraft tune reviews.csv --out search --minutes 30

        textgraft tune reviews.csv --test held-out.csv --space space.toml --trials 40 --out search

        textgraft tune names.conll --test held-out.conll --minutes 60 --out search
    """
    from textgraft.task_specs import infer_task, task_spec
    from textgraft.tuning.setup import Budget, TuningTask, require_extra

    request = _Request(data, out, sources, reading, task_options, model_options, search_options, runtime_options)
    require_extra()
    budget = Budget(search_options.trials, search_options.minutes)
    _check_sources(request)
    name = task_options.task or infer_task(data, reading)
    spec = task_spec(name)
    if not spec.labelled:
        raise ConfigError(f"tune compares models by labels, and {name} has none; train one model with textgraft train")
    task = TuningTask(name, spec, request.read_data(name, with_test=False))
    space = _search_space(search_options, len(task.splits.train))
    with _resumable(out):
        _run(request, budget, space, task)


def _run(request: _Request, budget: Any, space: "SearchSpace", task: "TuningTask") -> None:
    from textgraft import runtime
    from textgraft.cli.output.console import log
    from textgraft.tuning.run_folder import RunFolder

    log(*task.splits.notices)
    seed, precision = request.search_options.seed, request.runtime_options.precision
    loading = changed_options(request.model_options)
    identity = {**task.identity(), "space": space.to_json(), "seed": seed, "precision": precision, **loading}
    folder = RunFolder(request.out, identity)
    with folder.lock():
        runtime.start_tensorflow(request.runtime_options.threads)
        runtime.make_deterministic()
        from textgraft.tuning.search import Search

        shared = {**loading, "precision": runtime.choose_precision(precision), "seed": seed}
        study = _open_study(request, folder, space, shared, task)
        search = Search(folder, study, task, shared, log)
        if stale := study.fail_stale_trials():
            log(f"{stale} trials were running when their process ended; they are repeated")
        search.run(budget)
        _report(request, folder, study, search, task)


def _open_study(
    request: _Request, folder: "RunFolder", space: "SearchSpace", shared: "Hyperparameters", task: "TuningTask"
) -> "Study":
    from textgraft.cli.output.console import log
    from textgraft.tuning.capabilities import find_capabilities, narrow_space, starting_points
    from textgraft.tuning.run_folder import DATABASE
    from textgraft.tuning.study import Study

    capabilities = find_capabilities(space, task, shared)
    space, notices = narrow_space(space, capabilities)
    log(*notices)
    location, storage = folder.path.absolute(), request.search_options.storage
    url = storage or f"sqlite:///{location / DATABASE}"
    runner = f"{socket.gethostname()}:{location}" if storage else None
    starts = starting_points(space, capabilities, len(task.splits.train))
    metric = task.selection_metric(next(iter(capabilities.values())).score)
    return Study(url, folder.study_name, space, starts, metric, request.search_options.seed, runner)


def _report(request: _Request, folder: "RunFolder", study: "Study", search: "Search", task: "TuningTask") -> None:
    """Write and print the results, and test the winner."""
    from textgraft.cli.output.console import log, print_result
    from textgraft.tuning.candidate import train_command
    from textgraft.tuning.plots import search_plots
    from textgraft.tuning.run_folder import COMMAND, LEADERBOARD, PLOTS

    winner, model = search.winner()
    leaderboard = search.leaderboard()
    groups = request.sources, request.reading, request.task_options, request.runtime_options
    options = {name: value for group in groups for name, value in changed_options(group).items()}
    line = train_command({**options, **winner.hyperparameters}, request.data, f"{request.out}-again")
    folder.write(COMMAND, f"{line}\n".encode())
    folder.write(LEADERBOARD, leaderboard.csv())
    for name, png in search_plots(leaderboard).items():
        folder.write(f"{PLOTS}/{name}", png)
    print_result(leaderboard.table())
    log(leaderboard.summary(winner))
    if warning := leaderboard.baseline_warning(winner):
        log(warning)
    if elsewhere := study.running_elsewhere:
        log(
            f"{elsewhere} trials that other machines started in the last day are still running; run this command again "
            "when they have ended, or a day after they started, to test the winner"
        )
    else:
        _test(request, folder, study, task, winner.run, model)
    log(f"saved {folder.model}; command to train it again: {folder.path / COMMAND}")


def _test(
    request: _Request, folder: "RunFolder", study: "Study", task: "TuningTask", run: str, model: "TrainableTask"
) -> None:
    """Read the test texts for the first time, and test the winner, unless that is already done."""
    from textgraft.cli.output.console import log, print_result, with_progress

    splits = request.read_data(task.task, with_test=True)
    if splits.test is None:
        return
    before = model.record["data"].get("test", {})
    if before.get("sha256") != splits.test.fingerprint():
        log(*splits.notices)
        if before:
            log(f"this model was tested before, on {before['source']}: the test is not independent")
        elif earlier := set(study.tested_runs) - {run}:
            log(f"{len(earlier)} earlier winners of this search used the test texts: the test is not independent")
        study.add_tested_run(run)
        model.evaluate(splits.test, keep=True, watch=partial(with_progress, total=len(splits.test)))
        model.save(folder.model, overwrite=True)
    print_result(model.objective.report(model.record["metrics"]["test"]))


def _check_sources(request: _Request) -> None:
    """Refuse sources that would fail only at the end, without reading any test text."""
    from textgraft.data.text_files import STANDARD_INPUT

    sources = {"data": request.data, "validation": request.sources.validation, "test": request.sources.test}
    for name, source in sources.items():
        if source == STANDARD_INPUT:
            raise ConfigError(f"{name} is read more than once, which standard input does not allow; pass a file")
        if name == "test" and source and ":" not in source and not Path(source).exists():
            raise DataError(f"{source}: no such file or folder; check the name")


def _search_space(search_options: SearchOptions, rows: int) -> "SearchSpace":
    from textgraft.tuning.search_space import default_space, read_space

    base = default_space(rows)
    if search_options.preset:
        base = base.with_choices("preset", tuple(dict.fromkeys(search_options.preset)))
    if search_options.space is None:
        return base
    space = read_space(Path(search_options.space), base)
    if search_options.preset and space.domains["preset"] != base.domains["preset"]:
        raise ConfigError(f"preset is given twice: by --preset and in {search_options.space}; drop one")
    return space


@contextmanager
def _resumable(out: Path) -> Iterator[None]:
    """Make the error of an interruption say that completed trials are kept."""
    interruption = Interruption()
    try:
        with interruption.handle_signals():
            yield
    except InterruptionError:
        raise interruption.error(f"{out} keeps the completed trials; the same command resumes the search") from None
