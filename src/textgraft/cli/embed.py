"""`textgraft embed`: texts to vectors."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from textgraft.cli import options as o


def embed(
    preset: Annotated[str, typer.Argument(help="A preset, or a model folder whose backbone is taken.")],
    data: Annotated[str, typer.Argument(help="Texts in any of the formats; - for standard input.")],
    out: Annotated[Path, typer.Option(help="A .npy file (float32), or a .parquet file with text and vector.")],
    pooling: o.Pooling = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Divide each vector by its length.")] = False,
    sequence_length: o.SequenceLength = None,
    text: o.Text = None,
    encoding: o.Encoding = None,
    empty: o.Empty = None,
    format: o.Format = None,
    split: o.Split = None,
    vocabulary_limit: o.VocabularyLimit = None,
    trust_savedmodel: o.TrustSavedModel = None,
    precision: o.Precision = None,
    threads: o.Threads = None,
    overwrite: o.Overwrite = None,
) -> None:
    """Turn texts into vectors, a row per text, in order.

    Examples:
        textgraft embed minilm reviews.csv --normalize --out vectors.npy

        textgraft embed sentiment reviews.csv --out vectors.parquet
    """
    from textgraft.cli.console import followed, say, say_truncated
    from textgraft.cli.output.tables import open_vectors
    from textgraft.cli.texts import reading

    stream = reading(data, text=text, paired=False, encoding=encoding, empty=empty, format=format, split=split)

    from textgraft.runtime import start_tensorflow

    start_tensorflow(threads)
    from textgraft.tasks.base import architecture_of
    from textgraft.tasks.feature_extraction import TextEmbedder
    from textgraft.training.token_ids import TruncationCount

    asked = {
        "pooling": pooling,
        "sequence_length": sequence_length,
        "vocabulary_limit": vocabulary_limit,
        "trust_savedmodel": trust_savedmodel,
    }
    given = {**architecture_of(preset), **{name: value for name, value in asked.items() if value is not None}}
    embedder = TextEmbedder(preset, precision or "auto", normalize, **given)
    truncated = TruncationCount()
    batches = followed(batch.texts for batch in stream)
    with open_vectors(out, embedder.backbone.dim, overwrite=bool(overwrite)) as table:
        for texts, vectors in embedder.stream_with_texts(batches, partial(embedder.outputs, truncated=truncated)):
            table.write(texts, vectors)
    for notice in stream.notices:
        say(notice)
    say_truncated(data, asdict(truncated), embedder.architecture.sequence_length)
    say(f"wrote {table.rows:,} vectors of {embedder.backbone.dim} to {out}")
