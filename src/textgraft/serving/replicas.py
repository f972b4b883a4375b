"""Processes of a Ray cluster that compute batches, as a deployment of Ray Serve.

The server itself stays one process: it reads requests, admits them and forms batches, as without Ray. So limits,
access, answers and the end by a signal are the same, and a batch whose replica ends is sent to another one.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from textgraft.errors import ConfigError, TextgraftError, error_summary
from textgraft.export.format import Answers, Text
from textgraft.serving.served_model import LoadingOptions, ServedModel, load_model
from textgraft.shards.ray_cluster import RayCluster, prepare_worker
from textgraft.training.token_ids import TruncationCount

# Batches at a replica: while one is computed, the next one is there.
_ONGOING = 2
# Of a batch whose replica ends; more means that its texts end it.
_MAX_ATTEMPTS = 3
_SHUTDOWN_SECONDS = 2.0


def require_ray_serve() -> None:
    """Raise a ConfigError unless the extra `ray-serve` is installed."""
    if any(find_spec(name) is None for name in ("ray", "grpc_reflection")):
        raise ConfigError("serve --engine ray needs Ray Serve; run: pip install 'textgraft[serve,ray-serve]'")


class Replica:
    """Computes batches in a process of its own, one at a time."""

    def __init__(self, sources: Mapping[str, str], loading: LoadingOptions, threads: int) -> None:
        """Load all models."""
        prepare_worker(threads)
        self._sources, self._loading = dict(sources), loading
        self._models = {name: load_model(name, source, loading) for name, source in sources.items()}
        self._computing = threading.Lock()

    def answers(self, name: str, sha256: Mapping[str, str], texts: Sequence[Text]) -> tuple[Answers, TruncationCount]:
        """The answers of a model with these hashes; a folder that was replaced is loaded again.

        Raises:
            TextgraftError: when the folder has another model.
        """
        with self._computing:
            if self._models[name].sha256 != sha256:
                self._models[name] = load_model(name, self._sources[name], self._loading)
            model, truncated = self._models[name], TruncationCount()
            if model.sha256 != sha256:
                raise TextgraftError(f"the model {name} has been replaced; try again")
            return model.answers(texts, truncated), truncated


class Replicas:
    """Handles of the replicas.

    Attributes:
        number: of replicas.
        loading: how they load models.
        concurrent: number of batches that they take at the same time.
    """

    def __init__(self, cluster: RayCluster, handle: Any, number: int, loading: LoadingOptions) -> None:
        self._cluster, self._handle = cluster, handle
        self.number, self.loading, self.concurrent = number, loading, _ONGOING * number

    def adapt(self, model: ServedModel) -> ServedModel:
        """The model, with the answers of the replicas."""
        return _ReplicatedModel(model, self.answers)

    def answers(self, model: ServedModel, texts: Sequence[Text]) -> tuple[Answers, TruncationCount]:
        """The answers of a replica; when it ends, those of another one.

        Raises:
            RuntimeError: when replicas end at each of the attempts.
        """
        for _ in range(_MAX_ATTEMPTS):
            try:
                response = self._handle.answers.remote(model.name, model.sha256, texts)
                return response.result()  # type: ignore[no-any-return]
            except self._cluster.ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except self._cluster.ray.exceptions.RayActorError as error:
                self._cluster.on_message(f"a replica ended ({type(error).__name__}); its texts are computed again")
        raise RuntimeError(f"a replica ended at each of {_MAX_ATTEMPTS} attempts at these texts")


class _ReplicatedModel(ServedModel):
    """A model whose answers others compute."""

    def __init__(
        self,
        model: ServedModel,
        compute: Callable[[ServedModel, Sequence[Text]], tuple[Answers, TruncationCount]],
    ) -> None:
        super().__init__(model.name, model.source, model.task)
        self.sha256, self.golden, self._compute = model.sha256, model.golden, compute

    def answers(self, texts: Sequence[Text], truncated: TruncationCount) -> Answers:
        answers, count = self._compute(self, list(texts))
        truncated.add(count)
        return answers


@contextmanager
def running_replicas(
    cluster: RayCluster, number: int | None, sources: Mapping[str, str], loading: LoadingOptions
) -> Iterator[Replicas]:
    """Start replicas in a cluster, which load all models; they end with the context.

    Args:
        cluster: connected.
        number: of replicas; None for as many as the cluster has processors for.
        sources: model folders or presets by name.
        loading: how models are loaded, with the precision itself.

    Raises:
        ConfigError: when the cluster has too few processors.
        TextgraftError: when they cannot be started.
    """
    from ray import serve

    number = number or cluster.workers
    if number > cluster.workers:
        raise ConfigError(f"replicas {number} is above the {cluster.workers} that the cluster has processors for")
    for name in ("ray.serve", "ray"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    application = f"textgraft-{secrets.token_hex(4)}"
    deployment = serve.deployment(
        Replica,
        num_replicas=number,
        max_ongoing_requests=_ONGOING,
        graceful_shutdown_timeout_s=_SHUTDOWN_SECONDS,
        ray_actor_options={"num_cpus": cluster.threads},
    )
    try:
        serve.start(proxy_location="Disabled", logging_config={"log_level": "CRITICAL"})
        app = deployment.bind({name: _absolute(source) for name, source in sources.items()}, loading, cluster.threads)
        handle = serve.run(app, name=application, route_prefix=None, logging_config={"log_level": "CRITICAL"})
    except (RuntimeError, cluster.ray.exceptions.RayError) as error:
        raise TextgraftError(f"cannot start the replicas: {error_summary(error):.300}; see Ray's log") from error
    try:
        yield Replicas(cluster, handle, number, loading)
    finally:
        serve.delete(application)


def _absolute(source: str) -> str:
    """A source for a process in another folder."""
    path = Path(source).expanduser()
    return str(path.resolve()) if path.is_dir() else source
