"""`textgraft serve`: predictions of models over HTTP."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from textgraft.cli import options as o
from textgraft.cli.clusters import connected
from textgraft.cli.output.log import log, log_records
from textgraft.cli.output.status import load_tensorflow, status
from textgraft.cli.worker_precision import start_with_precision
from textgraft.computation import prefer_one_thread
from textgraft.errors import ConfigError, counted
from textgraft.serving.listening import address_of, open_socket
from textgraft.serving.settings import (
    CONCURRENT_BATCHES,
    ServerOptions,
    named_sources,
    read_tokens,
    require_serving_packages,
)
from textgraft.shards.executors import RAY
from textgraft.tasks.answer_options import AnswerOptions
from textgraft.training.interruption import Interruption

if TYPE_CHECKING:
    from textgraft.serving.replicas import Replicas
    from textgraft.serving.served_model import LoadingOptions


def serve(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL", help="Model folders, or presets to embed with; NAME=MODEL names one."),
    ],
    server: ServerOptions,
    prediction: Annotated[o.ScalablePrediction, o.Group(without=("shard_format", "shard_rows"))],
    options: AnswerOptions,
) -> None:
    """Answer requests for predictions over HTTP.

    Texts of concurrent requests are computed together; what cannot be answered in time is refused at once.

    Examples:
        textgraft serve sentiment

        textgraft serve sentiment topics=models/agnews minilm --port 9000

        textgraft serve sentiment --engine ray --replicas 4

        curl localhost:8000/predict --json '{"text": "a great film"}'
    """
    require_serving_packages()
    if prediction.engine != RAY and server.replicas:
        raise ConfigError("replicas needs --engine ray; add it, or drop this")
    sources, tokens = named_sources(models), read_tokens(server.token_file)
    from textgraft.serving.corrections import check_corrections

    check_corrections(server.corrections)
    if prediction.engine != RAY:
        prefer_one_thread(CONCURRENT_BATCHES)
    with open_socket(server.host, server.port) as listening:
        load_tensorflow(prediction if prediction.engine != RAY else None)
        from textgraft.serving.served_model import LoadingOptions, check_sources
        from textgraft.serving.server import run_server

        check_sources(sources.values(), server.corrections is not None)
        loading = LoadingOptions(prediction.precision, prediction.engine, options)
        with _replicas(prediction, server.replicas, sources, loading) as replicas:
            if replicas:
                loading = replicas.loading
            log(f"serving {', '.join(sources)} at {address_of(listening)}; Ctrl-C ends")
            run_server(listening, sources, loading, server, tokens, log_records, replicas)


@contextmanager
def _replicas(
    prediction: o.ScalablePrediction, number: int | None, sources: Mapping[str, str], loading: "LoadingOptions"
) -> "Iterator[Replicas | None]":
    """The replicas in a Ray cluster; None where this process computes."""
    if prediction.engine != RAY:
        yield None
        return
    from textgraft.serving.replicas import require_ray_serve, running_replicas
    from textgraft.shards.ray_cluster import WORKER_THREADS, RayCluster

    require_ray_serve()
    precision = start_with_precision(prediction.token_engine, prediction.precision)
    loading = loading._replace(precision=precision, engine=prediction.token_engine)
    interruption = Interruption()
    cluster = RayCluster(prediction.address, prediction.threads or WORKER_THREADS, log, interruption.raise_recorded)
    with interruption.handle_signals(), connected(cluster, interruption), ExitStack() as stack:
        with status("starting replicas", delay=0):
            replicas = stack.enter_context(running_replicas(cluster, number, sources, loading))
        interruption.raise_recorded()
        log(f"Ray: {counted(replicas.number, 'replica')}")
        yield replicas
