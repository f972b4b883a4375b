"""`textgraft tune`: search for the best model on validation texts, test it once, and save it."""

import shlex
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.clusters import connected
from textgraft.cli.command_line import command_line
from textgraft.cli.output.console import print_result, with_progress
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.errors import ConfigError, DataError, InterruptionError, counted
from textgraft.options import changed_options, check_options, option
from textgraft.runtime import choose_precision
from textgraft.shards.executors import RAY
from textgraft.training.interruption import Interruption
from textgraft.training.run_logs import log_model_folder, open_log

if TYPE_CHECKING:
    from textgraft.data.splits import Splits
    from textgraft.tasks.trainable import TrainableTask
    from textgraft.tuning.ray_trials import WorkerJob
    from textgraft.tuning.run_folder import RunFolder
    from textgraft.tuning.search import Search
    from textgraft.tuning.search_space import SearchSpace
    from textgraft.tuning.setup import Hyperparameters
    from textgraft.tuning.study import Study
    from textgraft.tuning.trials import Trainer, TrialExecutor


_ON_BY_DEFAULT = ("ngrams", "refit")  # switches of `textgraft train` that depend on the data


@dataclass(frozen=True)
class SearchOptions:
    """Space and limits of a search."""

    trials: int | None = option(None, "Maximum number of trials of the search.", shown_default="no limit", above=0)
    minutes: float | None = option(
        None, "Maximum minutes of all trials, without the final test.", shown_default="no limit", above=0
    )
    preset: tuple[str, ...] = option((), "Pretrained model; may be repeated.", panel="Model", shown_default="minilm")
    space: str | None = option(None, "TOML file with the search space.", shown_default="the built-in space")
    metric: str | None = option(
        None, "Validation metric that selects epochs and trials; see `textgraft train`.", shown_default="as for train"
    )
    seed: int = option(0, "Random seed of the validation split, the search and the models.", minimum=0)
    storage: str | None = option(
        None,
        "URL of a database that several commands share, such as postgresql://me@host/studies.",
        panel="Advanced",
        shown_default="study.sqlite in the run folder",
    )
    workers: int | None = option(
        None,
        "Number of trials at the same time, with --engine ray.",
        panel="Advanced",
        shown_default="as many as the cluster has processors for",
        minimum=1,
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.trials is None and self.minutes is None:
            raise ConfigError("the search needs a limit: --trials N, --minutes M, or both")


def tune(
    data: Annotated[str, typer.Argument(help="Source, as for `textgraft train`.")],
    out: Annotated[
        Path,
        typer.Option(help="Run folder to write: model, leaderboard.csv, plots, command.txt.", rich_help_panel="Output"),
    ],
    sources: Annotated[o.Sources, o.Group(without=("unlabelled",))],
    reading: Reading,
    task_options: Annotated[o.TaskOptions, o.Group(only=("task",))],
    model_options: Annotated[o.ModelOptions, o.Group(without=("decoding",))],
    search_options: SearchOptions,
    log_options: o.LogOptions,
    runtime_options: o.RuntimeOptions,
    cluster_options: o.ClusterOptions,
) -> None:
    """Search for the best model on validation texts.

    The winner is compared with baselines and tested once.

    An interrupted search resumes when the same command is run again; with higher limits, a finished one continues.

    Examples:
        textgraft tune reviews.csv --out search --minutes 30

        textgraft tune reviews.csv --test held-out.csv --space space.toml --trials 40 --out search

        textgraft tune names.conll --test held-out.conll --minutes 60 --out search

        textgraft tune reviews.csv --trials 100 --engine ray --address 10.0.0.1:6379 --out search
    """
    from textgraft.data.label_checks import describe_counts
    from textgraft.task_specs import infer_task, task_spec
    from textgraft.tuning.run_folder import RunFolder
    from textgraft.tuning.setup import TaskSource, require_extra

    require_extra()
    if search_options.workers and cluster_options.engine != RAY:
        raise ConfigError("workers needs --engine ray; add it, or drop this")
    open_log(log_options.log, out)  # reports a missing package
    _check_sources({"data": data, "validation": sources.validation, "test": sources.test})
    name = task_options.task or infer_task(data, reading)
    if not task_spec(name).labelled:
        raise ConfigError(f"tune compares models by labels, and {name} has none; train one model with textgraft train")
    seed, precision = search_options.seed, runtime_options.precision
    source = TaskSource(name, data, reading, (*vars(sources).items(), ("seed", seed)))
    task = source.load()
    metric = task.selection_metric(search_options.metric)
    space = _search_space(search_options, len(task.splits.train), task.min_steps)
    loading = changed_options(model_options)
    facts = {"space": space.to_json(), "metric": metric.name, "seed": seed, "precision": precision}
    folder, interruption = RunFolder(out, {**task.identity(), **facts, **loading}), Interruption()
    groups = (sources, reading, task_options, runtime_options)
    options = {name: value for group in groups for name, value in changed_options(group).items()}
    if cluster_options.engine == RAY:
        options["threads"] = _share_threads(runtime_options.threads)
    try:
        with interruption.handle_signals(), folder.lock():
            log(*task.splits.notices, *describe_counts(task.splits.labels))
            load_tensorflow(runtime_options, deterministic=True)
            from textgraft.tuning.ray_trials import WorkerJob
            from textgraft.tuning.trials import Trainer

            shared = {**loading, "precision": choose_precision(precision), "metric": metric.name, "seed": seed}
            shared["refit"] = False  # trials are compared on the same validation texts
            trainer = Trainer(task, metric, log_options.log, folder.logs, command_line())
            search = _open_search(search_options, folder, space, trainer, shared)
            search.run_baselines()
            job = None
            if cluster_options.engine == RAY:
                job = WorkerJob.of(trainer, source, options["threads"])
            with _executor(search, job, cluster_options.address, search_options.workers, interruption) as executor:
                search.run(executor, search_options.trials, search_options.minutes)
            # A search counts the texts of a leak and continues; so does the command.
            command = partial(_train_command, {**options, "allow_leaks": True}, data, f"{out}-again")
            _report(folder, search, command, partial(source.read, with_test=True))
    except InterruptionError:
        raise interruption.error(f"{out} keeps the completed trials; the same command resumes the search") from None


def _check_sources(sources: Mapping[str, str | None]) -> None:
    """Refuse sources that would fail only at the end, without reading any test text."""
    from textgraft.data.text_files import STANDARD_INPUT

    for name, source in sources.items():
        if source == STANDARD_INPUT:
            raise ConfigError(f"{name} is read more than once, which standard input does not allow; pass a file")
        if name == "test" and source and ":" not in source and not Path(source).exists():
            raise DataError(f"{source}: no such file or folder; check the name")


def _search_space(search_options: SearchOptions, rows: int, min_steps: int) -> "SearchSpace":
    from textgraft.tuning.search_space import default_space, read_space

    base = default_space(rows, min_steps)
    if search_options.preset:
        base = base.with_choices("preset", tuple(dict.fromkeys(search_options.preset)))
    if search_options.space is None:
        return base
    space = read_space(Path(search_options.space), base)
    if search_options.preset and space.domains["preset"] != base.domains["preset"]:
        raise ConfigError(f"preset is given twice: by --preset and in {search_options.space}; drop one")
    return space


def _open_search(
    options: SearchOptions,
    folder: "RunFolder",
    space: "SearchSpace",
    trainer: "Trainer",
    shared: "Hyperparameters",
) -> "Search":
    """The search, with the study of an earlier one in the folder or the database."""
    from textgraft.tuning.capabilities import find_capabilities, narrow_space, starting_points
    from textgraft.tuning.run_folder import DATABASE
    from textgraft.tuning.search import Search
    from textgraft.tuning.study import Study

    capabilities = find_capabilities(space, trainer.task, shared)
    space, notices = narrow_space(space, capabilities)
    log(*notices)
    location = folder.path.absolute()
    url = options.storage or f"sqlite:///{location / DATABASE}"
    runner = f"{socket.gethostname()}:{location}" if options.storage else None
    starts = starting_points(space, capabilities)
    study = Study(url, folder.study_name, space, starts, trainer.metric, options.seed, runner)
    if repeated := study.fail_stale_trials():
        log(f"repeating {counted(repeated, 'trial')}, during which the process ended")
    return Search(folder, study, trainer, shared, log)


def _share_threads(threads: int | None) -> int:
    """The threads of a worker, which this process has too: it may train the winner again, with the same result."""
    from textgraft.shards.ray_cluster import WORKER_THREADS, prepare_worker

    threads = threads or WORKER_THREADS
    prepare_worker(threads)
    return threads


@contextmanager
def _executor(
    search: "Search", job: "WorkerJob | None", address: str | None, workers: int | None, interruption: Interruption
) -> "Iterator[TrialExecutor]":
    """The executor of trials: this process, or where there is a job for workers, a Ray cluster."""
    from textgraft.shards.ray_cluster import RayCluster
    from textgraft.tuning.ray_trials import RayTrials
    from textgraft.tuning.trials import LocalTrials

    if job is None:
        yield LocalTrials(search.trainer, search)
        return
    cluster = RayCluster(address, job.threads, log, interruption.raise_recorded)
    with connected(cluster, interruption):
        executor = RayTrials(cluster, job, search, workers)
        log(f"Ray: {counted(executor.capacity, 'worker')}")
        yield executor


def _report(
    folder: "RunFolder", search: "Search", command: "Callable[[Hyperparameters], str]", read: "Callable[[], Splits]"
) -> None:
    """Write and print the results, and test the winner."""
    from textgraft.tuning.plots import search_plots
    from textgraft.tuning.run_folder import COMMAND, LEADERBOARD, PLOTS

    winner, model = search.winner()
    leaderboard = search.leaderboard()
    folder.write(COMMAND, f"{command(winner.hyperparameters)}\n".encode())
    folder.write(LEADERBOARD, leaderboard.csv())
    for name, png in search_plots(leaderboard).items():
        folder.write(f"{PLOTS}/{name}", png)
    elsewhere = search.study.running_elsewhere
    metrics = None if elsewhere else _test(folder, search.study, winner.run, model, read)
    # Last, since standard output may be closed or full.
    print_result(leaderboard.table())
    log(leaderboard.summary(winner))
    if warning := leaderboard.baseline_warning(winner):
        log(warning)
    if elsewhere:
        log(
            f"{counted(elsewhere, 'trial')} of other runners still running; run this command again when no trial is "
            "running to test the winner"
        )
    if metrics:
        print_result(model.objective.report(metrics))
    log(f"saved {folder.model}; command to train it again: {folder.path / COMMAND}")
    if not elsewhere:
        log(*log_model_folder(open_log(search.trainer.run_log, folder.path), folder.model, model.pairs))


def _test(
    folder: "RunFolder", study: "Study", run: str, model: "TrainableTask", read: "Callable[[], Splits]"
) -> dict[str, Any] | None:
    """Read the test texts for the first time, and test the winner, unless that is already done; returns the metrics."""
    splits = read()
    if splits.test is None:
        return None
    before = model.record["data"].get("test", {})
    if before.get("sha256") != splits.test.fingerprint():
        log(*splits.notices)
        if before:
            log(f"this model was tested before, on {before['source']}: the test is not independent")
        elif earlier := set(study.tested_runs) - {run}:
            log(f"{len(earlier)} earlier winners of this search used the test texts: the test is not independent")
        study.add_tested_run(run)
        model.evaluate(splits.test, store=True, with_progress=partial(with_progress, total=len(splits.test)))
        model.save(folder.model, overwrite=True)
    metrics: dict[str, Any] = model.record["metrics"]["test"]
    return metrics


def _train_command(options: Mapping[str, Any], data: str, out: str, hyperparameters: "Hyperparameters") -> str:
    """A `textgraft train` line that trains the same model, quoted for a shell."""
    flags = []
    for name, value in {**options, **hyperparameters}.items():
        flag = name.replace("_", "-")
        if value is not False:
            flags += [f"--{flag}", *([] if value is True else [str(value)])]
        elif name in _ON_BY_DEFAULT:
            flags.append(f"--no-{flag}")
    return shlex.join(["textgraft", "train", data, *flags, "--out", out])
