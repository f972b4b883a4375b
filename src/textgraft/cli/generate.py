"""`textgraft generate`: continuations of prompts."""

from dataclasses import asdict
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.console import print_json, print_text
from textgraft.cli.output.log import log
from textgraft.cli.output.status import load_tensorflow
from textgraft.data.columns import Reading
from textgraft.data.file_options import FILE_OPTIONS
from textgraft.errors import ConfigError
from textgraft.generation.config import GenerationConfig
from textgraft.options import changed_options

if TYPE_CHECKING:
    from textgraft.generation.row import Continuation
    from textgraft.tasks.text_generation import TextGenerator


def generate(
    preset: Annotated[str, typer.Argument(help="Preset of a causal family, or model folder.")],
    sources: Annotated[o.Sources, o.Group(only=("split",))],
    reading: Annotated[Reading, o.Group(only=("text", *FILE_OPTIONS, "format"))],
    generation_config: GenerationConfig,
    model_options: Annotated[o.ModelOptions, o.Group(only=("trust_savedmodel",))],
    # A step reads each weight once, so narrower weights would have to be converted for it.
    runtime_options: Annotated[o.RuntimeOptions, o.Group(defaults={"precision": "float32"})],
    prompts: Annotated[list[str] | None, typer.Argument(help="Texts to continue.", show_default=False)] = None,
    file: Annotated[
        str | None,
        typer.Option(help="Source of prompts; - for standard input.  \\[standard input]", rich_help_panel="Data"),
    ] = None,
    stream: Annotated[
        bool, typer.Option("--stream", help="Print the text while it is generated.  \\[off]", rich_help_panel="Output")
    ] = False,
    json: o.Json = False,
) -> None:
    """Continue prompts.

    Decoding is greedy unless an option selects sampling, beam search or contrastive search.

    Examples:
        textgraft generate hf://openai-community/gpt2 "The film was" --top-p 0.9 --seed 3

        textgraft generate writer --file prompts.txt --num-beams 4 --json

        textgraft generate writer "Dear Sir" --stream --stop "Yours"
    """
    from textgraft.cli.inputs import stream_texts
    from textgraft.data.text_files import STANDARD_INPUT

    if stream and json:
        raise ConfigError("--stream prints text while it is generated and --json complete lines; drop one")
    if prompts and file:
        raise ConfigError("prompts are given twice: on the command line and in a file; drop one")
    if not prompts:
        batches = stream_texts(file or STANDARD_INPUT, reading, sources.split)
        prompts = [text.decode() for batch in batches for text in batch.texts]
    load_tensorflow(runtime_options)
    from textgraft.tasks.loading import architecture_of
    from textgraft.tasks.text_generation import TextGenerator

    arguments = {**architecture_of(preset), **changed_options(model_options)}
    model = TextGenerator(preset, runtime_options.precision, **arguments)
    if stream:
        _print_stream(model, prompts, generation_config)
    else:
        _print_continuations(model, prompts, generation_config, json)


def _print_continuations(
    model: "TextGenerator", prompts: list[str], generation_config: GenerationConfig, json: bool
) -> None:
    continuations = model.continuations(prompts, generation_config)
    for index, (prompt, continuation) in enumerate(zip(prompts, continuations, strict=True)):
        if json:
            print_json({"prompt": prompt, **asdict(continuation)})
        else:
            print_text(("\n" if index else "") + prompt + continuation.text + "\n")
        _log_truncated_prompt(index, continuation)


def _print_stream(model: "TextGenerator", prompts: list[str], generation_config: GenerationConfig) -> None:
    for index, prompt in enumerate(prompts):
        pieces = model.stream(prompt, generation_config, index)
        for piece in chain(["\n"] if index else [], [prompt], pieces, ["\n"]):
            print_text(piece)
        _log_truncated_prompt(index, pieces.continuation)


def _log_truncated_prompt(index: int, continuation: "Continuation") -> None:
    if continuation.dropped_prompt_tokens:
        dropped = f"its first {continuation.dropped_prompt_tokens:,} tokens do not fit into the context"
        log(f"prompt {index + 1} was truncated: {dropped}")
