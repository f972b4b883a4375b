"""Logs of runs: files of CSV and TensorBoard, and the calls of MLflow."""

import csv
import json
import sys
from contextlib import contextmanager, nullcontext
from types import ModuleType, SimpleNamespace

import pytest
import tensorflow as tf

from textgraft.errors import ConfigError, ModelFolderError
from textgraft.training import run_logs
from textgraft.training.callbacks import Callbacks, Step
from textgraft.training.history import History

FACTS = {"task": "text-classification", "fit": {"epochs": 2}, "settings": {"labels": ["a", "b"]}}


def run_epoch(callback, epoch, steps=2, first=1):
    for number in range(first, steps + 1):
        callback.on_step_end(Step(2 * epoch - 2 + number, epoch, 8, {"loss": 1 / number, "learning_rate": 0.1}))
    callback.on_epoch_end({"epoch": epoch, "loss": 0.5, "val_loss": 0.25})


def logged(kind, folder, resumed=False):
    callback = Callbacks(run_logs.open_log(kind, folder))
    callback.on_train_begin(FACTS, resumed)
    return callback


def rows(folder, name):
    with (folder / name).open(newline="") as file:
        return list(csv.reader(file))


def test_csv_has_a_row_per_step_and_epoch(tmp_path):
    folder = tmp_path / "model.log"
    callback = logged("csv", folder)
    run_epoch(callback, 1)
    run_epoch(callback, 2)
    callback.close()
    assert rows(folder, "steps.csv")[:2] == [["step", "epoch", "loss", "learning_rate"], ["1", "1", "1.0", "0.1"]]
    assert [row[:2] for row in rows(folder, "steps.csv")[1:]] == [["1", "1"], ["2", "1"], ["3", "2"], ["4", "2"]]
    assert rows(folder, "epochs.csv") == [["epoch", "loss", "val_loss"], ["1", "0.5", "0.25"], ["2", "0.5", "0.25"]]
    assert json.loads((folder / "config.json").read_text()) == FACTS


@pytest.mark.parametrize("cut", [0, 3, -1], ids=["complete", "partial row", "empty file"])
def test_csv_of_a_resumed_run_is_that_of_an_uninterrupted_one(cut, tmp_path):
    whole = logged("csv", tmp_path / "whole")
    run_epoch(whole, 1)
    run_epoch(whole, 2)
    whole.close()
    interrupted = logged("csv", tmp_path / "log")
    run_epoch(interrupted, 1)
    interrupted.on_step_end(Step(3, 2, 8, {"loss": 1.0, "learning_rate": 0.1}))
    interrupted.close()
    steps = tmp_path / "log" / "steps.csv"
    steps.write_bytes(b"" if cut < 0 else steps.read_bytes()[: -cut or None])
    resumed = logged("csv", tmp_path / "log", resumed=True)
    if cut < 0:
        run_epoch(resumed, 1)
    run_epoch(resumed, 2)
    resumed.close()
    for name in ("steps.csv", "epochs.csv"):
        assert rows(tmp_path / "log", name) == rows(tmp_path / "whole", name)


def test_new_run_replaces_the_log_of_an_earlier_one(tmp_path):
    for kind in ("csv", "tensorboard"):
        for _ in range(2):
            callback = logged(kind, tmp_path / kind)
            run_epoch(callback, 1)
            callback.close()
    assert len(rows(tmp_path / "csv", "steps.csv")) == 3
    assert len(list((tmp_path / "tensorboard").glob("events.*"))) == 1


def test_tensorboard_reads_metrics_of_steps_and_epochs(tmp_path):
    callback = logged("tensorboard", tmp_path)
    run_epoch(callback, 1)
    callback.close()
    (file,) = tmp_path.glob("events.*")
    values = {}
    for record in tf.data.TFRecordDataset([str(file)]):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            values[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    assert values["step/loss", 2] == 0.5
    assert values["epoch/val_loss", 1] == 0.25
    assert ("step/learning_rate", 1) in values


@pytest.mark.parametrize("kind", ["csv", "tensorboard"])
def test_folder_that_cannot_be_written_is_reported(kind, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelFolderError, match=r"cannot write .*file/log: Not a directory; move the file away"):
        logged(kind, tmp_path / "file" / "log")


class MlflowError(Exception):
    pass


@pytest.fixture
def mlflow(monkeypatch):
    """A module that records the calls of MLflow's interface, with the names and arguments of MLflow 3."""
    module, calls = ModuleType("mlflow"), []

    def log_batch(run_id, metrics):
        calls.extend((metric.key, metric.value, metric.step, run_id) for metric in metrics)

    @contextmanager
    def resumed(run_id):
        calls.append(("resumed", run_id))
        yield

    def start_run(run_name=None, run_id=None):
        return resumed(run_id) if run_id else Run(run_name)

    class Run(nullcontext):
        def __init__(self, name):
            super().__init__()
            self.info = SimpleNamespace(run_id=f"id of {name}")
            calls.append(("new", name))

    def log_model(**arguments):
        calls.append(arguments)
        return SimpleNamespace(model_uri="models:/m-1")

    module.start_run = start_run
    module.pyfunc = SimpleNamespace(log_model=log_model)
    module.log_params = calls.append
    module.set_tag = lambda *tag: calls.append(tag)
    module.end_run = calls.append
    module.MlflowClient = lambda: SimpleNamespace(log_batch=log_batch)
    module.calls = calls
    entities, exceptions = ModuleType("mlflow.entities"), ModuleType("mlflow.exceptions")
    entities.Metric = lambda key, value, timestamp, step: SimpleNamespace(key=key, value=value, step=step)
    exceptions.MlflowException = MlflowError
    models, types = ModuleType("mlflow.models"), ModuleType("mlflow.types")
    models.ModelSignature = lambda inputs: inputs
    types.Schema, types.ColSpec = list, lambda kind, name: (kind, name)
    parts = {"entities": entities, "exceptions": exceptions, "models": models, "types": types}
    for name, part in {"mlflow": module, **{f"mlflow.{name}": part for name, part in parts.items()}}.items():
        monkeypatch.setitem(sys.modules, name, part)
    monkeypatch.setattr(run_logs, "find_spec", lambda name: object())
    return module


@pytest.mark.parametrize("is_finished", [True, False])
def test_mlflow_gets_parameters_metrics_and_state(mlflow, is_finished, tmp_path):
    callback = logged("mlflow", tmp_path / "sentiment.log", resumed=True)
    run_epoch(callback, 1)
    if is_finished:
        callback.on_train_end(History())
    callback.close()
    run = "id of sentiment"
    assert mlflow.calls[1] == {"task": "text-classification", "fit.epochs": "2", "settings.labels": "['a', 'b']"}
    assert ("step/loss", 0.5, 2, run) in mlflow.calls
    assert ("epoch/val_loss", 0.25, 1, run) in mlflow.calls
    assert mlflow.calls[-1] == ("FINISHED" if is_finished else "FAILED")


def test_mlflow_gets_the_model_folder(mlflow, tmp_path):
    logs = run_logs.open_log("mlflow", tmp_path / "sentiment.log")
    callback = Callbacks(logs)
    callback.on_train_begin(FACTS, is_resumed=False)
    callback.on_train_end(History())
    callback.close()
    (line,) = run_logs.log_model_folder(logs, tmp_path / "sentiment", pairs=False)
    assert line == "MLflow has it as models:/m-1: mlflow models serve -m models:/m-1 --env-manager local"
    resumed, arguments = mlflow.calls[-2:]
    assert resumed == ("resumed", "id of sentiment")
    assert arguments["loader_module"] == "textgraft.mlflow_model"
    assert arguments["data_path"] == str(tmp_path / "sentiment")
    assert arguments["signature"] == [("string", "text")]
    assert run_logs.log_model_folder([], tmp_path / "sentiment", pairs=False) == []


def test_mlflow_gets_a_model_that_other_runs_trained(mlflow, tmp_path):
    run_logs.log_model_folder(run_logs.open_log("mlflow", tmp_path / "search"), tmp_path / "model", pairs=False)
    started, arguments = mlflow.calls
    assert started == ("new", "search")
    assert arguments["data_path"] == str(tmp_path / "model")


def test_mlflow_that_does_not_answer_is_reported(mlflow, tmp_path):
    def refuse(run_name):
        raise MlflowError("connection refused")

    mlflow.start_run = refuse
    with pytest.raises(ModelFolderError, match="MLflow cannot be used: connection refused; check MLFLOW_TRACKING_URI"):
        logged("mlflow", tmp_path)


def test_missing_mlflow_is_reported_with_its_extra(monkeypatch, tmp_path):
    monkeypatch.setattr(run_logs, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"textgraft\[mlflow\]"):
        run_logs.open_log("mlflow", tmp_path)


def test_no_log_is_opened_unless_asked_for(tmp_path):
    assert run_logs.open_log(None, tmp_path / "log") == []
