"""`textgraft serve`: predictions of models over HTTP."""

from typing import Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.output.log import log, log_record
from textgraft.cli.output.status import load_tensorflow
from textgraft.computation import prefer_one_thread
from textgraft.serving.listening import address_of, open_socket
from textgraft.serving.settings import (
    CONCURRENT_BATCHES,
    ServerOptions,
    named_sources,
    read_tokens,
    require_serving_packages,
)
from textgraft.tasks.answer_options import AnswerOptions


def serve(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL", help="Model folders, or presets to embed with; NAME=MODEL names one."),
    ],
    server: ServerOptions,
    prediction: o.PredictionOptions,
    options: AnswerOptions,
) -> None:
    """Answer requests for predictions over HTTP.

    Texts of concurrent requests are computed together; what cannot be answered in time is refused at once.

    Examples:
        textgraft serve sentiment

        textgraft serve sentiment topics=models/agnews minilm --port 9000

        curl localhost:8000/predict --json '{"text": "a great film"}'
    """
    require_serving_packages()
    sources, tokens = named_sources(models), read_tokens(server.token_file)
    from textgraft.serving.corrections import check_corrections

    check_corrections(server.corrections)
    prefer_one_thread(CONCURRENT_BATCHES)
    with open_socket(server.host, server.port) as listening:
        load_tensorflow(prediction)
        from textgraft.serving.served_model import LoadingOptions, check_sources
        from textgraft.serving.server import run_server

        check_sources(sources.values(), server.corrections is not None)
        log(f"serving {', '.join(sources)} at {address_of(listening)}; Ctrl-C ends")
        loading = LoadingOptions(prediction.precision, prediction.engine, options)
        run_server(listening, sources, loading, server, tokens, log_record)
