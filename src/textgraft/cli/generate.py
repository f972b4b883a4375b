"""`textgraft generate`: what comes after a prompt."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgraft.cli import options as o

if TYPE_CHECKING:
    from textgraft.generation.config import GenerationConfig
    from textgraft.generation.row import Continuation
    from textgraft.tasks.text_generation import TextGenerator


def generate(
    preset: Annotated[str, typer.Argument(help="A preset of a causal family, or a model folder.")],
    prompts: Annotated[list[str] | None, typer.Argument(help="Texts to go on from.", show_default=False)] = None,
    file: Annotated[
        str | None, typer.Option(help="Prompts in any of the formats; - for standard input, which is read without it.")
    ] = None,
    max_new_tokens: o.MaxNewTokens = None,
    temperature: o.Temperature = None,
    top_k: o.TopK = None,
    top_p: o.TopP = None,
    num_beams: o.NumBeams = None,
    penalty_alpha: o.PenaltyAlpha = None,
    seed: Annotated[int | None, typer.Option(help="Of what is drawn.  [0]")] = None,
    stop: o.Stop = None,
    stream: Annotated[bool, typer.Option("--stream", help="Print the text as it comes.")] = False,
    text: o.Text = None,
    encoding: o.Encoding = None,
    format: o.Format = None,
    split: o.Split = None,
    trust_savedmodel: o.TrustSavedModel = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or mixed_bfloat16.  [float32]")] = None,
    threads: o.Threads = None,
    json: o.Json = False,
) -> None:
    """Go on from prompts: the most probable tokens, unless an option says otherwise.

    Examples:
        textgraft generate hf://openai-community/gpt2 "The film was" --top-p 0.9 --seed 3

        textgraft generate writer --file prompts.txt --num-beams 4 --json

        textgraft generate writer "Dear Sir" --stream --stop "Yours"
    """
    from textgraft.cli.texts import given_or_read
    from textgraft.errors import ConfigError
    from textgraft.generation.config import GenerationConfig

    asked: dict[str, Any] = {
        "max_new_tokens": max_new_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "num_beams": num_beams,
        "penalty_alpha": penalty_alpha,
        "seed": seed,
        "stop": tuple(stop or ()),
    }
    config = GenerationConfig(**{name: value for name, value in asked.items() if value is not None})
    if stream and json:
        raise ConfigError("stream prints text, and json a line when all is known; leave out one")
    texts = given_or_read(prompts, file, text=text, encoding=encoding, format=format, split=split)

    from textgraft.runtime import start_tensorflow

    start_tensorflow(threads)
    from textgraft.tasks.base import architecture_of
    from textgraft.tasks.text_generation import TextGenerator

    trust = {} if trust_savedmodel is None else {"trust_savedmodel": trust_savedmodel}
    # A step reads each weight once: narrower ones would have to be made anew for it.
    model = TextGenerator(preset, precision or "float32", **architecture_of(preset), **trust)
    _print_as_it_comes(model, texts, config) if stream else _print_whole(model, texts, config, json)


def _print_whole(model: "TextGenerator", texts: list[str], config: "GenerationConfig", json: bool) -> None:
    from dataclasses import asdict

    from textgraft.cli.console import show_json

    for number, (prompt, one) in enumerate(zip(texts, model.continuations(texts, config), strict=True)):
        if json:
            show_json({"prompt": prompt, **asdict(one)})
        else:
            _separate(number)
            typer.echo(prompt + one.text)
        _say_cut(number, one)


def _print_as_it_comes(model: "TextGenerator", texts: list[str], config: "GenerationConfig") -> None:
    for number, prompt in enumerate(texts):
        pieces = model.stream(prompt, config, number)
        _separate(number)
        _print_now(prompt)
        for piece in pieces:
            _print_now(piece)
        typer.echo()
        _say_cut(number, pieces.continuation)


def _print_now(piece: str) -> None:
    import sys

    typer.echo(piece, nl=False)
    sys.stdout.flush()


def _separate(number: int) -> None:
    if number:
        typer.echo()


def _say_cut(number: int, one: "Continuation") -> None:
    from textgraft.cli.console import say

    if one.cut:
        say(f"prompt {number + 1} was cut at its beginning: the context has no room for {one.cut:,} tokens of it")
