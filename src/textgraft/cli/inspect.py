"""`textgraft inspect`: what becomes of a text on its way into the network."""

from typing import Annotated

import typer

from textgraft.cli import options as o


def inspect(
    text: Annotated[str, typer.Argument(help="A text.")],
    pair: Annotated[str | None, typer.Option(help="A second text, for models of pairs.")] = None,
    preset: Annotated[str, typer.Option(help="A preset, or a model folder (with its cleaning).")] = "minilm",
    sequence_length: o.SequenceLength = None,
    vocabulary_limit: o.VocabularyLimit = None,
    trust_savedmodel: o.TrustSavedModel = None,
    pad_to: Annotated[int, typer.Option(help="Show padding up to this length.")] = 0,
) -> None:
    """Show the tokens, ids, mask and segments of a text.

    Example:
        textgraft inspect "It's a cliché, but it works." --preset minilm
    """
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    import tensorflow as tf
    from rich.table import Table
    from rich.text import Text

    from textgraft.cli.console import say, show
    from textgraft.tasks.base import architecture_of
    from textgraft.tasks.feature_extraction import TextEmbedder

    given = architecture_of(preset)
    if sequence_length is not None:
        given["sequence_length"] = sequence_length
    embedder = TextEmbedder(
        preset, "float32", vocabulary_limit=vocabulary_limit, trust_savedmodel=bool(trust_savedmodel), **given
    )
    graph = embedder.text_graph
    segments = [tf.constant([segment]) for segment in (text, pair) if segment is not None]
    packed = graph.pack(*segments)
    row = {name: values.numpy()[0] for name, values in graph.pad(packed.token_ids, packed.segment_ids).items()}
    padding = max(0, pad_to - len(row["token_ids"]))
    table = Table(title=f"{preset}: {packed.token_ids.row_lengths().numpy()[0]} tokens", title_justify="left")
    for name in ("position", "token", "token_ids", "padding_mask", "segment_ids"):
        table.add_column(name, justify="left" if name == "token" else "right")
    ids = [*row["token_ids"], *[graph.pad_id] * padding]
    mask = [*row["padding_mask"], *[0] * padding]
    kinds = [*row["segment_ids"], *[0] * padding]
    for position, (token_id, real, kind) in enumerate(zip(ids, mask, kinds, strict=True)):
        token = embedder.backbone.token(int(token_id)) if real else ""
        table.add_row(str(position), Text(token), str(token_id), str(real), str(kind))
    show(table)
    if dropped := int(packed.dropped.numpy()[0]):
        say(f"{dropped} tokens were cut off at sequence length {graph.sequence_length}")
