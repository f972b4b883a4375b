"""`textgraft train`: labelled texts in, a tested model folder out."""

from functools import partial
from typing import Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.runs import cleaning, left_in_folder, parts_of, require, some, start, task_of
from textgraft.cli.settings import merged

_MODEL = (
    "vocabulary_limit",
    "trust_savedmodel",
    "pooling",
    "dropout",
    "sequence_length",
    "truncation",
    "seed",
    "decoding",
)
_FIT = (
    "fine_tune", "head", "cache_dtype", "balance", "layer_decay", "gradual_unfreezing", "epochs",
    "batch_size", "batch_tokens", "learning_rate", "optimizer", "weight_decay",
    "schedule", "warmup", "clip_norm", "patience", "seed",
)  # fmt: skip


def train(
    data: o.Source = None,
    out: o.Out = None,
    config: o.Config = None,
    validation: o.Validation = None,
    test: Annotated[str | None, typer.Option(help="Data for the final test; touched once, at the end.")] = None,
    split: o.Split = None,
    task: o.Task = None,
    preset: o.Preset = None,
    vocabulary_limit: o.VocabularyLimit = None,
    trust_savedmodel: o.TrustSavedModel = None,
    fine_tune: o.FineTune = None,
    head: o.Head = None,
    cache_dtype: o.CacheDtype = None,
    balance: o.Balance = None,
    layer_decay: o.LayerDecay = None,
    gradual_unfreezing: o.GradualUnfreezing = None,
    text: o.Text = None,
    label: o.Label = None,
    pair: o.Pair = None,
    problem: o.Objective = None,
    label_separator: o.LabelSeparator = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    lowercase: o.Lowercase = None,
    strip_punctuation: o.StripPunctuation = None,
    strip_html: o.StripHtml = None,
    normalize_unicode: o.NormalizeUnicode = None,
    pooling: o.Pooling = None,
    hidden: o.Hidden = None,
    dropout: o.Dropout = None,
    sequence_length: o.SequenceLength = None,
    truncation: o.Truncation = None,
    decoding: o.Decoding = None,
    precision: o.Precision = None,
    epochs: o.Epochs = None,
    batch_size: o.BatchSize = None,
    batch_tokens: o.BatchTokens = None,
    learning_rate: o.LearningRate = None,
    optimizer: o.Optimizer = None,
    weight_decay: o.WeightDecay = None,
    schedule: o.Schedule = None,
    warmup: o.Warmup = None,
    clip_norm: o.ClipNorm = None,
    patience: o.Patience = None,
    seed: o.Seed = None,
    save_minutes: o.SaveMinutes = None,
    restart: o.Restart = None,
    fast: o.Fast = None,
    threads: o.Threads = None,
    dry_run: o.DryRun = None,
    verbose: Annotated[bool | None, typer.Option("--verbose", help="Also say what was compiled and padded.")] = None,
    overwrite: o.Overwrite = None,
) -> None:
    """Train a model on the texts of a file, test it, and leave a model folder.

    Stopped at any moment, the same command goes on from the last checkpoint, in FOLDER.run, to the same model.

    Examples:
        textgraft train reviews.csv --out sentiment

        textgraft train reviews.csv --test held-out.csv --fine-tune none --out quick

        textgraft train tfds:imdb_reviews --split 'train[:60%],train[60%:],test' --out imdb
    """
    _train(merged(train, config, locals()))


def _train(given: dict[str, Any]) -> None:
    from textgraft.cli.console import say

    require(given, ("data",) if given.get("dry_run") else ("data", "out"), "textgraft train DATA --out FOLDER")
    if given.get("dry_run"):
        _plan(given)
        return
    folder = left_in_folder(given, _trained)
    say(f"saved {folder}; next: textgraft predict {folder} FILE")


def _trained(given: dict[str, Any], checkpoints: Any) -> Any:
    from textgraft.cli.console import followed, say, say_truncated, show

    parts, model = _opened(given)
    say(_summary(parts, model, given.get("fine_tune", "all")))
    history = model.fit(parts.train, parts.validation, checkpoints=checkpoints, **some(given, _FIT))
    say(_outcome(model, history))
    if given.get("verbose"):
        say(f"{history.graphs} graphs compiled; {history.padding:.1%} of the tokens in training were padding")
    if parts.test is not None:
        show(
            model.objective.report(
                model.evaluate(parts.test, keep=True, watch=partial(followed, total=len(parts.test)))
            )
        )
    for name, part in model.record["data"].items():
        say_truncated(name, part["truncated"], model.architecture.sequence_length)
    return model


def _plan(given: dict[str, Any]) -> None:
    from textgraft.cli.console import say, show
    from textgraft.cli.plan import table

    parts, model = _opened(given)
    say(_summary(parts, model, given.get("fine_tune", "all")))
    show(table(model.plan(parts.train, parts.validation, **some(given, _FIT))))


def _opened(given: dict[str, Any]) -> tuple[Any, Any]:
    """The parts of the data, and the untrained model."""
    from textgraft.cli.console import say
    from textgraft.task_specs import task_spec

    task = task_of(given)
    spec = task_spec(task)
    parts = parts_of(given, spec)
    for notice in parts.notices:
        say(notice)
    start(given)
    from textgraft.tasks.trainable import task_class

    model = task_class(task)(
        given.get("preset", "minilm"),
        precision=given.get("precision", "auto"),
        cleaning=cleaning(given),
        hidden=_widths(given.get("hidden", "")),
        **spec.settings_from(parts.train),
        **some(given, _MODEL),
    )
    return parts, model


def _widths(hidden: str) -> tuple[int, ...]:
    from textgraft.errors import ConfigError

    try:
        widths = tuple(int(width) for width in hidden.split(",") if width.strip())
    except ValueError:
        widths = (0,)
    if any(width < 1 for width in widths):
        raise ConfigError(f"hidden takes widths such as 16 or 64,16, not {hidden!r}")
    return widths


def _summary(parts: Any, model: Any, fine_tune: str) -> str:
    trainable, total = model.fine_tuning(fine_tune=fine_tune).parameter_counts()
    counts = ", ".join(f"{name} {len(part):,}" for name, part in parts.items())
    return (
        f"{counts} texts; {model.objective.summary}; {model.backbone.origin.preset}: {total:,} parameters "
        f"({trainable:,} trainable), {model.precision}"
    )


def _outcome(model: Any, history: Any) -> str:
    mode = model.fine_tuning(**{name: model.record["fit"][name] for name in ("fine_tune", "head")})
    if not mode.has_steps:
        return f"{mode.note}; {history.seconds:.1f} s"
    best = f"best epoch {history.best_epoch} of {len(history.records)}; {history.seconds:.0f} s"
    return f"{mode.note}; {best}" if mode.note else best
