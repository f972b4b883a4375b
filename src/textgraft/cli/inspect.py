"""`textgraft inspect`: the tokens that the network gets for a text."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.parameters import Group
from textgraft.options import changed_options, option
from textgraft.tasks.architecture import Architecture

if TYPE_CHECKING:
    from rich.table import Table

    from textgraft.backbones.base import Backbone


@dataclass(frozen=True)
class DisplayOptions:
    """Options of `inspect`: second text and padding."""

    pair: str | None = option(None, "Second text of a pair.", panel="Data")
    pad_to: int = option(0, "Show padding up to this length.", panel="Output")


def inspect(
    text: Annotated[str, typer.Argument(help="Text.")],
    architecture: Annotated[Architecture, Group(only=("sequence_length",))],
    task_options: Annotated[o.TaskOptions, Group(only=("preset",))],
    model_options: Annotated[o.ModelOptions, Group(only=("vocabulary_limit", "trust_savedmodel"))],
    display_options: DisplayOptions,
) -> None:
    """Show the tokens, ids, mask and segments of a text.

    Example:
        textgraft inspect "It's a cliché, but it works." --preset minilm
    """
    from textgraft.runtime import start_tensorflow

    start_tensorflow()
    import tensorflow as tf

    from textgraft.cli.output.console import log, print_result
    from textgraft.tasks.base import architecture_of
    from textgraft.tasks.feature_extraction import TextEmbedder

    preset = task_options.preset
    arguments = {**architecture_of(preset), **changed_options(architecture), **changed_options(model_options)}
    embedder = TextEmbedder(preset, "float32", **arguments)
    graph = embedder.text_graph
    packed = graph.pack(*(tf.constant([segment]) for segment in (text, display_options.pair) if segment is not None))
    in_windows = packed.token_ids.ragged_rank == 2
    ids, segments = ((tensor.values if in_windows else tensor).to_list() for tensor in packed[:2])
    for number, row in enumerate(zip(ids, segments, strict=True), start=1):
        window = f", window {number}" if in_windows else ""
        print_result(_table(f"{preset}: {len(row[0])} tokens{window}", embedder.backbone, *row, display_options.pad_to))
    if dropped := int(packed.dropped.numpy()[0]):
        log(f"{dropped} tokens were truncated at sequence length {graph.sequence_length}")


def _table(title: str, backbone: "Backbone", token_ids: list[int], segment_ids: list[int], pad_to: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for name in ("position", "token", "token_ids", "padding_mask", "segment_ids"):
        table.add_column(name, justify="left" if name == "token" else "right")
    for position, (token_id, segment_id) in enumerate(zip(token_ids, segment_ids, strict=True)):
        table.add_row(str(position), Text(backbone.token(token_id)), str(token_id), "1", str(segment_id))
    for position in range(len(token_ids), pad_to):
        table.add_row(str(position), "", str(backbone.special_tokens.pad), "0", "0")
    return table
