"""The models of a server: loaded before it is ready, and again when their folders were replaced."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from textgraft.errors import ConfigError, TextgraftError
from textgraft.serving.errors import RequestError
from textgraft.serving.log import Log
from textgraft.serving.metrics import Metrics
from textgraft.serving.self_check import check_answers
from textgraft.serving.served_model import LoadingOptions, ServedModel, load_model
from textgraft.storage.verification import MANIFEST, read_manifest

_POLL_SECONDS = 1.0


class Models:
    """Models by name; requests keep the model with which they began, whatever replaces it.

    Attributes:
        sources: model folders or presets, by name.
        loaded: the models that are served now, by name.
        error: of the first loading; None where it succeeded or has not ended.
    """

    def __init__(
        self,
        sources: Mapping[str, str],
        loading: LoadingOptions,
        metrics: Metrics,
        log: Log,
        adapt: Callable[[ServedModel], ServedModel] = lambda model: model,
    ) -> None:
        """Nothing is loaded yet; `adapt` takes each model that is loaded, and returns the one that is served."""
        self.sources, self._loading, self._adapt = dict(sources), loading, adapt
        self._metrics, self._log = metrics, log
        self.loaded: dict[str, ServedModel] = {}
        self.error: Exception | None = None
        self._stopped = threading.Event()
        self._versions = {name: _version(source) for name, source in self.sources.items()}

    @property
    def are_ready(self) -> bool:
        """Whether all models are loaded and checked."""
        return len(self.loaded) == len(self.sources)

    def get(self, name: str | None) -> ServedModel:
        """A model by its name; without a name, the only one.

        Raises:
            RequestError: for an unknown name, a name that is missing, and while a model is loaded.
        """
        if name is None:
            if len(self.sources) > 1:
                raise RequestError(422, "invalid", f"model: name one of {', '.join(self.sources)}")
            name = next(iter(self.sources))
        if name not in self.sources:
            names = ", ".join(self.sources)
            raise RequestError(404, "model_not_found", f"no model has the name {name[:60]!r}; there are {names}")
        if name not in self.loaded:
            raise RequestError(
                503, "loading", f"the model {name} is still being loaded; try again", {"Retry-After": "1"}
            )
        return self.loaded[name]

    def load_all(self) -> None:
        """Load and check all models, one after another, unless `stop` is called; an exception is kept in `error`, too.

        Raises:
            TextgraftError: of the first model that cannot be loaded.
        """
        try:
            for name in self.sources:
                if self._stopped.is_set():
                    return
                self._load(name)
        except Exception as error:
            self.error = error
            raise

    def watch(self) -> None:
        """Load the folders that are replaced, until `stop`; a model that cannot be loaded leaves the earlier one."""
        while not self._stopped.wait(_POLL_SECONDS):
            for name in self.sources:
                self._reload_if_replaced(name)

    def stop(self) -> None:
        """End `watch`, after the model that it is loading."""
        self._stopped.set()

    def _reload_if_replaced(self, name: str) -> None:
        source = self.sources[name]
        version = _version(source)
        if version is None or version == self._versions[name]:
            return
        self._versions[name] = version
        try:
            if dict(read_manifest(Path(source).expanduser())) == self.loaded[name].sha256:
                return
            self._load(name)
        except Exception as error:
            self._metrics.reloads.labels(name, "failed").inc()
            reason = str(error) if isinstance(error, TextgraftError) else repr(error)
            self._log.event("reload_failed", level="error", model=name, reason=reason)
        else:
            self._metrics.reloads.labels(name, "loaded").inc()
            self._log.event("reloaded", model=name, **_facts(self.loaded[name]))

    def _load(self, name: str) -> None:
        model = self._adapt(load_model(name, self.sources[name], self._loading))
        if name in self.loaded and model.task.name != self.loaded[name].task.name:
            raise ConfigError(f"{model.source} is a model for {model.task.name} now; restart the server for it")
        check_answers(model)
        self._loading.answers.apply(model.task)
        self.loaded[name] = model
        self._metrics.set_model(name, model.task.name, model.source)


def _facts(model: ServedModel) -> dict[str, Any]:
    return {"task": model.task.name, "source": model.source}


def _version(source: str) -> tuple[int, int, int] | None:
    """What differs when a folder was replaced; None where that cannot be told, or for a preset."""
    with suppress(OSError, ValueError, RuntimeError):
        status = (Path(source).expanduser() / MANIFEST).stat()
        return status.st_mtime_ns, status.st_ino, status.st_size
    return None
