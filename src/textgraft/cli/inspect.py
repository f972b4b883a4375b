"""`textgraft inspect`: the tokens that the network gets for a text."""

from dataclasses import dataclass
from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_table
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.options import changed_options, option
from textgraft.tasks.architecture import Architecture


@dataclass(frozen=True)
class DisplayOptions:
    """Options of `inspect`: second text and padding."""

    pair: str | None = option(None, "Second text of a pair.", panel="Data")
    pad_to: int = option(0, "Show padding up to this length.", panel="Output")


def inspect(
    text: Annotated[str, typer.Argument(help="Text to tokenize.")],
    architecture: Annotated[Architecture, o.Group(only=("sequence_length",))],
    task_options: Annotated[o.TaskOptions, o.Group(only=("preset",))],
    model_options: Annotated[o.ModelOptions, o.Group(only=("vocabulary_limit", "trust_savedmodel"))],
    display_options: DisplayOptions,
) -> None:
    """Show the tokens, ids, mask and segments of a text.

    Example:
        textgraft inspect "It's a cliché, but it works." --preset minilm
    """
    load_tensorflow()
    import numpy as np
    import tensorflow as tf

    from textgraft.tasks.feature_extraction import TextEmbedder
    from textgraft.tasks.loading import architecture_of

    preset = task_options.preset
    arguments = {**architecture_of(preset), **changed_options(architecture), **changed_options(model_options)}
    embedder = TextEmbedder(preset, "float32", **arguments)
    graph, backbone = embedder.text_graph, embedder.backbone
    segments = [segment for segment in (text, display_options.pair) if segment is not None]
    packed = graph.pack(*(tf.constant([segment]) for segment in segments))
    in_windows = packed.token_ids.ragged_rank == 2
    ids = (packed.token_ids.values if in_windows else packed.token_ids).to_list()
    columns = ("position", "token", "token_ids", "padding_mask", "segment_ids")
    for window_number, (token_ids, first_length) in enumerate(
        zip(ids, packed.first_lengths.numpy(), strict=True), start=1
    ):
        cells = enumerate(token_ids)
        rows = [(position, backbone.token(token), token, 1, int(position >= first_length)) for position, token in cells]
        padding = range(len(token_ids), display_options.pad_to)
        rows += [(position, "", backbone.special_tokens.pad, 0, 0) for position in padding]
        window = f", window {window_number}" if in_windows else ""
        print_table(columns, rows, f"{preset}: {len(token_ids)} tokens{window}")
    unknown = embedder.count_unknown()
    unknown.add(packed.token_ids.flat_values.numpy(), np.array([segment.encode() for segment in segments], object))
    if unknown.unknown:
        log(unknown.message())
    if dropped := int(packed.dropped.numpy()[0]):
        log(f"{dropped} tokens were truncated at sequence length {graph.sequence_length}")
