"""`textgraft pretrain`: a small backbone from random weights, with a vocabulary of its own, for those who have none."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from textgraft.cli import options as o
from textgraft.cli.documents import corpus, learn, planned
from textgraft.cli.runs import cleaning, left_in_folder, require, some, start
from textgraft.cli.settings import merged

_SIZES = ("layers", "width", "heads", "sequence_length", "dropout")
_DEFAULTS = {
    "family": "bert", "vocabulary_size": 8000, "sequence_length": 128, "batch_size": 32, "learning_rate": 1e-3,
}  # fmt: skip


def pretrain(
    data: o.Source = None,
    out: o.Out = None,
    config: o.Config = None,
    validation: o.Validation = None,
    split: o.Split = None,
    family: Annotated[str | None, typer.Option(help="bert, roberta, gpt2, ...  [bert]")] = None,
    layers: Annotated[int | None, typer.Option(help="Of the network.  [4]")] = None,
    width: Annotated[int | None, typer.Option(help="Of a token vector.  [256]")] = None,
    heads: Annotated[int | None, typer.Option(help="Of attention in each layer.  [4]")] = None,
    dropout: Annotated[float | None, typer.Option(help="Share dropped within the network in training.  [0.1]")] = None,
    sequence_length: Annotated[int | None, typer.Option(help="Longest row, in tokens, for good.  [128]")] = None,
    vocabulary_size: Annotated[int | None, typer.Option(help="Most tokens, made of the texts.  [8000]")] = None,
    cased: Annotated[bool | None, typer.Option("--cased", help="WordPiece: keep capital letters and accents.")] = None,
    text: o.Text = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    lowercase: o.Lowercase = None,
    strip_punctuation: o.StripPunctuation = None,
    strip_html: o.StripHtml = None,
    normalize_unicode: o.NormalizeUnicode = None,
    precision: o.Precision = None,
    epochs: o.Epochs = None,
    batch_size: Annotated[int | None, typer.Option(help="Rows in a step.  [32]")] = None,
    batch_tokens: o.BatchTokens = None,
    learning_rate: Annotated[float | None, typer.Option(help="At its peak.  [0.001]")] = None,
    optimizer: o.Optimizer = None,
    weight_decay: o.WeightDecay = None,
    schedule: o.Schedule = None,
    warmup: o.Warmup = None,
    clip_norm: o.ClipNorm = None,
    patience: o.Patience = None,
    seed: Annotated[int | None, typer.Option(help="Of the split, the weights, the order and dropout.  [0]")] = None,
    save_minutes: o.SaveMinutes = None,
    restart: o.Restart = None,
    fast: o.Fast = None,
    threads: o.Threads = None,
    dry_run: o.DryRun = None,
    overwrite: o.Overwrite = None,
) -> None:
    """Train a small backbone from random weights, on texts without labels; the folder is a preset for every task.

    It knows nothing but these texts, and is no match for a backbone that was pretrained on many; adapt one where you
    have it. Stopped at any moment, the same command goes on from the last checkpoint, in FOLDER.run.

    Examples:
        textgraft pretrain books.parquet --out small --config small.toml

        textgraft pretrain books.parquet --out writer --family gpt2
    """
    given = {**_DEFAULTS, **merged(pretrain, config, locals())}
    require(given, ("data",) if given.get("dry_run") else ("data", "out"), "textgraft pretrain DATA --out FOLDER")
    if given.get("dry_run"):
        _plan(given)
        return
    folder = left_in_folder(given, _pretrained)

    from textgraft.cli.console import say

    say(f"saved {folder}; next: textgraft train FILE --preset {folder} --out ANOTHER")


def _plan(given: dict[str, Any]) -> None:
    from textgraft.training.checkpoints import Checkpoints

    with tempfile.TemporaryDirectory() as scratch, Checkpoints(Path(scratch) / "run") as checkpoints:
        planned(*_begun(given, checkpoints), given)


def _pretrained(given: dict[str, Any], checkpoints: Any) -> Any:
    model, parts = _begun(given, checkpoints)
    learn(model, parts, given, checkpoints)
    return model


def _begun(given: dict[str, Any], checkpoints: Any) -> tuple[Any, Any]:
    """The task on random weights, and the parts of the data."""
    from textgraft.cli.console import say

    parts = corpus(given)
    start(given)
    from textgraft.backbones.untrained import Sizes, untrained
    from textgraft.runtime import choose_precision
    from textgraft.tasks.trainable import language_task

    sizes, seed = Sizes(**some(given, _SIZES)), given.get("seed", 0)
    precision = choose_precision(given.get("precision", "auto"))
    vocabulary = _vocabulary(given, parts.train, checkpoints)
    backbone = untrained(given["family"], sizes, vocabulary, precision, seed)
    say(
        f"{given['family']} begins with random weights, a vocabulary of {backbone.vocabulary_size:,} tokens made of "
        "these texts, and no knowledge but what they teach"
    )
    reading = {"cleaning": cleaning(given), "sequence_length": sizes.sequence_length}
    return language_task(backbone, precision, **reading, seed=seed), parts


def _vocabulary(given: dict[str, Any], train: Any, checkpoints: Any) -> Any:
    """The folder of the files of the tokenizer, made once in a run."""
    from dataclasses import asdict

    from textgraft.backbones.untrained import make_vocabulary
    from textgraft.runtime import versions
    from textgraft.training.corpus import document_chunks

    family, size, cased, first = given["family"], given["vocabulary_size"], given.get("cased", False), cleaning(given)
    of = {
        "family": family, "size": size, "cased": cased, "cleaning": asdict(first), "versions": versions(),
        "data_sha256": train.fingerprint(),
    }  # fmt: skip

    def make() -> dict[str, list[bytes]]:
        texts = document_chunks((batch.texts for batch in train.batches(64)), first)
        return {name: [content] for name, content in make_vocabulary(family, texts, size, cased).items()}

    return checkpoints.prepared_files("vocabulary", of, make)
