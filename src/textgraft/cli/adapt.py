"""`textgraft adapt`: a pretrained backbone goes on learning from texts without labels, before it is fine-tuned."""

from typing import Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.documents import corpus, learn, planned
from textgraft.cli.runs import cleaning, left_in_folder, require, some, start
from textgraft.cli.settings import merged

_MODEL = ("trust_savedmodel", "sequence_length", "seed")


def adapt(
    preset: Annotated[str | None, typer.Argument(help="Pretrained model: see `textgraft presets`.")] = None,
    data: o.Source = None,
    out: o.Out = None,
    config: o.Config = None,
    validation: o.Validation = None,
    split: o.Split = None,
    trust_savedmodel: o.TrustSavedModel = None,
    fine_tune: Annotated[str | None, typer.Option(help="all, or lora:R (of rank R).  [all]")] = None,
    layer_decay: o.LayerDecay = None,
    text: o.Text = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    lowercase: o.Lowercase = None,
    strip_punctuation: o.StripPunctuation = None,
    strip_html: o.StripHtml = None,
    normalize_unicode: o.NormalizeUnicode = None,
    sequence_length: o.SequenceLength = None,
    precision: o.Precision = None,
    epochs: Annotated[int | None, typer.Option(help="Most passes over the texts.  [1]")] = None,
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
    overwrite: o.Overwrite = None,
) -> None:
    """Let a pretrained backbone learn from texts without labels; the folder is a preset for every task.

    An encoder learns to find out hidden tokens, a causal backbone what comes next. Stopped at any moment, the same
    command goes on from the last checkpoint, in FOLDER.run, to the same model.

    Examples:
        textgraft adapt minilm reviews.txt --out reviews

        textgraft train labelled.csv --preset reviews --out sentiment
    """
    given = {"epochs": 1, **merged(adapt, config, locals())}
    needed = ("preset", "data") if given.get("dry_run") else ("preset", "data", "out")
    require(given, needed, "textgraft adapt PRESET DATA --out FOLDER")
    if given.get("dry_run"):
        planned(*_opened(given), given)
        return
    folder = left_in_folder(given, _adapted)

    from textgraft.cli.console import say

    say(f"saved {folder}; next: textgraft train FILE --preset {folder} --out ANOTHER")


def _adapted(given: dict[str, Any], checkpoints: Any) -> Any:
    model, parts = _opened(given)
    learn(model, parts, given, checkpoints)
    return model


def _opened(given: dict[str, Any]) -> tuple[Any, Any]:
    """The task on the pretrained backbone, and the parts of the data."""
    parts = corpus(given)
    start(given)
    from textgraft.tasks.trainable import language_task

    precision, first = given.get("precision", "auto"), cleaning(given)
    return language_task(given["preset"], precision, cleaning=first, **some(given, _MODEL)), parts
