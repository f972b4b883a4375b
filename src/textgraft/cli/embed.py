"""`textgraft embed`: embeddings of texts."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import with_progress
from textgraft.cli.output.log import describe_proof, log, log_truncation
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.engines.names import INT8
from textgraft.errors import ConfigError
from textgraft.options import changed_options, option
from textgraft.tasks.architecture import Architecture

# The format of shards by default.
_VECTORS = ".npy"


@dataclass(frozen=True)
class VectorOptions:
    """Options of `TextEmbedder`."""

    normalize: bool | None = option(
        None, "Divide each vector by its length.", panel="Model", shown_default="as the preset's authors do"
    )
    prompt: str | None = option(
        None,
        "Text to put before each text, or the name of one of the preset's prompts.",
        panel="Model",
        shown_default="the preset's default prompt, if any",
    )


def embed(
    preset: Annotated[str, typer.Argument(help="Preset, or model folder whose backbone is used.")],
    data: Annotated[str, typer.Argument(help="Source of texts; - for standard input.")],
    out: Annotated[
        Path,
        typer.Option(
            help="File to write: .npy (float32) or .parquet (text and vector). A name without an ending, also in an "
            "object store (s3://BUCKET/NAME): a folder of files, which an interrupted run resumes.",
            rich_help_panel="Output",
        ),
    ],
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(only=("text", *FILE_OPTIONS, "empty", "format"))],
    architecture: Annotated[Architecture, o.Group(only=("pooling", "sequence_length"))],
    model_options: Annotated[o.ModelOptions, o.Group(only=("vocabulary_limit", "trust_savedmodel"))],
    prediction: o.ScalablePrediction,
    run: Annotated[o.RunOptions, o.Group(only=("overwrite",))],
    vector_options: VectorOptions,
) -> None:
    """Compute an embedding per text, in order.

    Examples:
        textgraft embed minilm reviews.csv --out vectors.npy

        textgraft embed multilingual_e5_small questions.csv --prompt query --out questions.npy

        textgraft embed sentiment reviews.csv --out vectors.parquet
    """
    from textgraft.cli.embedded_shards import embed_shards
    from textgraft.cli.embedding_writer import EmbeddingWriter, embedder_arguments
    from textgraft.cli.inputs import read_texts_only
    from textgraft.cli.output.files import require_output
    from textgraft.cli.output.vectors import VECTOR_FILES, open_vectors
    from textgraft.cli.sharding import ShardedOutput, require_shards, shard_ending, shards_output
    from textgraft.data.streams import texts_of

    require_shards(out, prediction)
    options = (architecture, model_options, vector_options)
    if shards := shards_output(out):
        if prediction.precision == INT8:
            raise ConfigError("int8 of embeddings is proved by the texts of a file; drop it, or pass --out with a file")
        ending = shard_ending(prediction, VECTOR_FILES, _VECTORS)
        rows = read_texts_only(data, reading, sources.split)
        job = {
            "command": "embed", "preset": preset, "data": data, "split": sources.split, "reading": asdict(reading),
            **{name: str(value) for group in options for name, value in changed_options(group).items()},
        }  # fmt: skip
        writer = EmbeddingWriter(preset, prediction.precision, prediction.token_engine, options)
        embed_shards(rows, ShardedOutput(shards, ending, job, run.overwrite), writer, prediction)
        return

    require_output(out, VECTOR_FILES, run.overwrite)
    rows = read_texts_only(data, reading, sources.split)
    load_tensorflow(prediction)
    from textgraft.tasks.feature_extraction import TextEmbedder
    from textgraft.tasks.streaming import growing_windows
    from textgraft.training.token_ids import TruncationCount

    arguments = embedder_arguments(preset, *options)
    in_int8 = prediction.precision == INT8
    precision = "float32" if in_int8 else prediction.precision
    embedder = TextEmbedder(preset, precision, engine=prediction.engine, **arguments)
    log(f"{preset}: {embedder.summary}")
    truncated = TruncationCount()
    with embedder.counting_unknown(), open_vectors(out, embedder.dim, overwrite=run.overwrite) as table:
        for window in growing_windows(with_progress(rows)):
            texts = texts_of(window).texts
            if in_int8 and embedder.quantization is None:
                log(describe_proof(embedder.quantize(texts)))
            table.write(texts, *embedder.outputs([texts], truncated))
    log(*rows.notices)
    log_truncation(data, asdict(truncated), embedder.architecture.sequence_length)
    log(f"wrote {table.rows:,} vectors of {embedder.dim} to {out}")
