"""`textgraft inspect`: what becomes of a text on its way into the network."""

from typing import Annotated, Any

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
    in_windows = packed.token_ids.ragged_rank == 2
    ids, kinds = ((part.values if in_windows else part).to_list() for part in packed[:2])
    for number, row in enumerate(zip(ids, kinds, strict=True), start=1):
        window = f", window {number}" if in_windows else ""
        show(_table(f"{preset}: {len(row[0])} tokens{window}", embedder.backbone, *row, pad_to))
    if dropped := int(packed.dropped.numpy()[0]):
        say(f"{dropped} tokens were cut off at sequence length {graph.sequence_length}")


def _table(title: str, backbone: Any, ids: list[int], kinds: list[int], pad_to: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for name in ("position", "token", "token_ids", "padding_mask", "segment_ids"):
        table.add_column(name, justify="left" if name == "token" else "right")
    for position, (token_id, kind) in enumerate(zip(ids, kinds, strict=True)):
        table.add_row(str(position), Text(backbone.token(token_id)), str(token_id), "1", str(kind))
    for position in range(len(ids), pad_to):
        table.add_row(str(position), "", str(backbone.special_tokens.pad), "0", "0")
    return table
