"""A server in this process, and models that compute nothing."""

import time
from contextlib import contextmanager
from functools import cache

import numpy as np
import pytest
from starlette.testclient import TestClient

from textgraft.serving.admission import BatchTimes
from textgraft.serving.app import make_application
from textgraft.serving.log import Log
from textgraft.serving.metrics import Metrics
from textgraft.serving.models import Models
from textgraft.serving.served_model import LoadingOptions, ServedModel, load_model
from textgraft.serving.service import Service
from textgraft.serving.settings import ServerOptions

_loaded_once = cache(load_model)


def _load_once(name, source, loading):
    """A model of a folder; it is loaded by the first server that has this folder, since that takes a second."""
    first = _loaded_once("", source, loading)
    model = ServedModel(name, source, first.task)
    model.sha256, model.golden = first.sha256, first.golden
    return model


@contextmanager
def serving(sources, tokens=(), precision="float32", **options):
    """A client of a server of models by name, which are loaded; `records` of the client has its log."""
    options.setdefault("timeout", 600)  # tests may be suspended
    records = []
    log, metrics = Log(records.extend), Metrics()
    models = Models(sources, LoadingOptions(precision), metrics, log)
    service = Service(ServerOptions(**options), models, metrics, log)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textgraft.serving.models.load_model", _load_once)
        models.load_all()
    service.start()
    with TestClient(
        make_application(service, tokens), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as client:
        client.service, client.records = service, records
        yield client
    service.stop(60)
    log.close()


def task_of(client, name):
    """The model that is served under a name, whose `predict` does not pass through the server."""
    return client.service.models.loaded[name].task


class EchoModel:
    """Answers each text with its length, at a speed that a test determines; a text "fail" raises an error."""

    def __init__(self, name="echo", batch_cost=100, seconds=0.0):
        self.name, self.batch_cost, self.seconds = name, batch_cost, seconds
        self.times, self.batches = BatchTimes(), []

    def answers(self, texts, truncated):
        self.batches.append(list(texts))
        time.sleep(self.seconds)
        if "fail" in texts:
            raise ValueError("this text fails")
        return {"value": np.array([len(text) for text in texts])}

    def count_tokens(self, texts):
        raise NotImplementedError
