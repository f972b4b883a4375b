"""`textgraft tune`: many models tried on validation texts, the best one tested and left as a model folder."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.runs import DATA, SOURCES, parts_of, some, task_of

_READING = ("vocabulary_limit", "trust_savedmodel")


def tune(
    data: Annotated[str, typer.Argument(help="CSV, TSV, JSONL, Parquet, lines, a folder, tfds:NAME or hf:NAME.")],
    out: Annotated[Path, typer.Option(help="The run folder: model/, leaderboard.csv, plots/, command.txt.")],
    trials: Annotated[int | None, typer.Option(help="End after so many trials of the search in all.")] = None,
    minutes: Annotated[
        float | None, typer.Option(help="End when trials took so long; the final test is not in.")
    ] = None,
    preset: Annotated[
        list[str] | None, typer.Option(help="Pretrained model; may be given repeatedly.  [minilm]")
    ] = None,
    space: Annotated[Path | None, typer.Option(help="A TOML file of what to try; see docs/guide/tuning.md.")] = None,
    storage: Annotated[
        str | None, typer.Option(help="URL of a database that many machines share; else study.sqlite in the folder.")
    ] = None,
    validation: Annotated[str | None, typer.Option(help="Data that candidates are judged by; else a tenth.")] = None,
    test: Annotated[str | None, typer.Option(help="Data for the final test; touched once, by the winner.")] = None,
    split: o.Split = None,
    task: Annotated[
        str | None, typer.Option(help="text-classification or token-classification; else told by the columns.")
    ] = None,
    text: o.Text = None,
    label: o.Label = None,
    pair: o.Pair = None,
    problem: o.Objective = None,
    label_separator: o.LabelSeparator = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    vocabulary_limit: o.VocabularyLimit = None,
    trust_savedmodel: o.TrustSavedModel = None,
    precision: o.Precision = None,
    seed: o.Seed = None,
    threads: o.Threads = None,
) -> None:
    """Search for the best model on validation texts, beside baselines without transfer; test the winner once.

    Stopped at any moment, the same command goes on; with more --trials or --minutes, it goes on where it ended.

    Examples:
        textgraft tune reviews.csv --out search --minutes 30

        textgraft tune reviews.csv --test held-out.csv --space space.toml --trials 40 --out search

        textgraft tune names.conll --test held-out.conll --minutes 60 --out search
    """
    from textgraft.tuning.budget import Budget
    from textgraft.tuning.extra import require_extra

    given = {name: value for name, value in locals().items() if value is not None}
    require_extra()
    budget = Budget(trials, minutes)
    _require_readable(given)
    assignment = _assignment(given)
    tried = _space(given, len(assignment.parts.train))
    with _interruptible(out):
        _tune(given, budget, tried, assignment)


def _tune(given: dict[str, Any], budget: Any, space: Any, assignment: Any) -> None:
    from textgraft import runtime
    from textgraft.cli.console import say
    from textgraft.tuning.run_folder import RunFolder

    for notice in assignment.parts.notices:
        say(notice)
    folder = RunFolder(given["out"], _described(given, space, assignment))
    with folder.held():
        runtime.start_tensorflow(given.get("threads"))
        runtime.make_deterministic()
        from textgraft.tuning.search import Search

        fixed = _fixed(given)
        study = _study(given, folder, space, fixed, assignment)
        search = Search(folder, study, assignment, fixed, say)
        if buried := study.bury():
            say(f"{buried} trials were running when their process ended; they are made again")
        search.run(budget)
        _hand_over(given, folder, study, search, assignment)


def _hand_over(given: dict[str, Any], folder: Any, study: Any, search: Any, assignment: Any) -> None:
    from textgraft.cli.console import say, show
    from textgraft.tuning import leaderboard
    from textgraft.tuning.candidate import command
    from textgraft.tuning.plots import plots
    from textgraft.tuning.run_folder import COMMAND, LEADERBOARD, PLOTS

    best, model = search.winner()
    rows, measure = search.rows(), study.measure
    read = some(given, (*SOURCES, "task", *DATA, "threads"))
    line = command({**read, **best.words}, given["data"], f"{given['out']}-again")
    folder.write(COMMAND, f"{line}\n".encode())
    folder.write(LEADERBOARD, leaderboard.as_csv(rows, measure))
    for name, picture in plots(rows, measure).items():
        folder.write(f"{PLOTS}/{name}", picture)
    show(leaderboard.table(rows, measure))
    say(leaderboard.verdict(best, rows, measure))
    if remark := leaderboard.baseline_remark(best, rows):
        say(remark)
    if elsewhere := study.running_elsewhere:
        what = f"{elsewhere} trials that began elsewhere in the last day have not ended"
        say(f"{what}; when they have, or a day after they began, this command tests the winner")
    else:
        _test(given, folder, study, assignment.spec, best.run, model)
    say(f"saved {folder.model}; the same again: {folder.path / COMMAND}")


def _test(given: dict[str, Any], folder: Any, study: Any, spec: Any, run: str, model: Any) -> None:
    """Read the test texts, for the first time, and test the winner; not again if it was."""
    from textgraft.cli.console import followed, say, show

    parts = parts_of(given, spec)
    if parts.test is None:
        return
    before = model.record["data"].get("test", {})
    if before.get("sha256") != parts.test.fingerprint():
        for notice in parts.notices:
            say(notice)
        if before:
            say(f"{before['source']} has tested this model before: no first sight")
        elif earlier := set(study.tested) - {run}:
            say(f"the test texts have been used by {len(earlier)} earlier winners of this search: no first sight")
        study.keep_tested(run)
        model.evaluate(parts.test, keep=True, watch=partial(followed, total=len(parts.test)))
        model.save(folder.model, overwrite=True)
    show(model.objective.report(model.record["metrics"]["test"]))


def _require_readable(given: dict[str, Any]) -> None:
    """Refuse what would fail only at the end, without reading any test text."""
    from textgraft.data.text_files import STANDARD_INPUT
    from textgraft.errors import ConfigError, DataError

    for name in ("data", "validation", "test"):
        source = given.get(name, "")
        if source == STANDARD_INPUT:
            raise ConfigError(f"{name} is read more than once, which standard input cannot be; give a file")
        if name == "test" and source and ":" not in source and not Path(source).exists():
            raise DataError(f"{source}: no such file or folder; check the name")


def _assignment(given: dict[str, Any]) -> Any:
    """The task, with all of its data but the test texts."""
    from textgraft.errors import ConfigError
    from textgraft.task_specs import task_spec
    from textgraft.tuning.assignment import Assignment

    task = task_of(given)
    spec = task_spec(task)
    if not spec.labelled:
        raise ConfigError(f"tune judges models by labels, and {task} has none; train one model with textgraft train")
    return Assignment(task, spec, parts_of(given, spec, with_test=False))


def _space(given: dict[str, Any], rows: int) -> Any:
    from textgraft.errors import ConfigError
    from textgraft.tuning.search_space import default_space, read_space

    base = default_space(rows)
    if "preset" in given:
        base = base.with_values("preset", tuple(dict.fromkeys(given["preset"])))
    if "space" not in given:
        return base
    space = read_space(given["space"], base)
    if "preset" in given and space.words["preset"] != base.words["preset"]:
        raise ConfigError(f"preset is given twice: by --preset and in {given['space']}; leave one out")
    return space


def _described(given: dict[str, Any], space: Any, assignment: Any) -> dict[str, Any]:
    """All that makes a search what it is."""
    return {
        **assignment.described(),
        "space": space.described(),
        "seed": given.get("seed", 0),
        "precision": given.get("precision", "auto"),
        **some(given, _READING),
    }


def _fixed(given: dict[str, Any]) -> dict[str, Any]:
    """Words that all candidates share."""
    from textgraft import runtime

    precision = runtime.choose_precision(given.get("precision", "auto"))
    return {**some(given, _READING), "precision": precision, "seed": given.get("seed", 0)}


def _study(given: dict[str, Any], folder: Any, space: Any, fixed: dict[str, Any], assignment: Any) -> Any:
    from textgraft.cli.console import say
    from textgraft.tuning.run_folder import DATABASE
    from textgraft.tuning.starting_points import abilities, narrowed, starting_points
    from textgraft.tuning.study import Study

    known = abilities(space, assignment, fixed)
    space, notices = narrowed(space, known)
    for notice in notices:
        say(notice)
    place = folder.path.absolute()
    url = given.get("storage") or f"sqlite:///{place / DATABASE}"
    runner = f"{socket.gethostname()}:{place}" if "storage" in given else None
    starts = starting_points(space, known, len(assignment.parts.train))
    measure = assignment.measure(next(iter(known.values())).score)
    return Study(url, folder.study_name, space, starts, measure, fixed["seed"], runner)


@contextmanager
def _interruptible(out: Path) -> Iterator[None]:
    """Say, when a signal comes, that what is done stays."""
    from textgraft.errors import InterruptionError
    from textgraft.training.interruption import Interruption

    interruption = Interruption()
    try:
        with interruption.handle_signals():
            yield
    except InterruptionError:
        raise interruption.error(f"{out} keeps the trials that are done; the same command goes on") from None
