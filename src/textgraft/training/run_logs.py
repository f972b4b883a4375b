"""Logs of a run for CSV readers, TensorBoard and MLflow: its configuration, and metrics per step and epoch.

Importing this file does not import TensorFlow.
"""

import csv
import json
import os
import time
import warnings
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from textgraft.errors import ConfigError, ModelFolderError, error_summary
from textgraft.storage.atomic_files import atomic_file
from textgraft.storage.disk import reason_of
from textgraft.training.callbacks import Callback, Step
from textgraft.training.history import History

CSV, TENSORBOARD, MLFLOW = "csv", "tensorboard", "mlflow"
LOG_KINDS = (CSV, TENSORBOARD, MLFLOW)

_CONFIG, _STEPS, _EPOCHS, _EVENTS = "config.json", "steps.csv", "epochs.csv", "events.out.tfevents.*"

# The name of the model in MLflow, and the module that loads it.
_MODEL, _LOADER = "model", "textgraft.mlflow_model"
# Metrics per request to MLflow.
_BATCH = 500
_MAX_PARAMETER = 500

_MAX_ROW = 1 << 16


def open_log(kind: str | None, folder: Path) -> list[Callback]:
    """The callback that logs a run, in a list; an empty one where the kind is None.

    Args:
        kind: one of `LOG_KINDS`.
        folder: to write; the log of an earlier run in it is replaced, that of a resumed run is continued. MLflow writes
            where it is configured to, and only its name is used.

    Raises:
        ConfigError: when a package is missing.
    """
    if kind is None:
        return []
    if kind == MLFLOW:
        if find_spec("mlflow") is None:
            raise ConfigError('log mlflow needs mlflow; run: pip install "textgraft[mlflow]"')
        return [MlflowLog(folder.stem)]
    return [TensorBoardLog(folder) if kind == TENSORBOARD else CsvLog(folder)]


def log_model_folder(callbacks: Iterable[Callback], folder: Path, pairs: bool) -> list[str]:
    """Store the model folder of a run where its log takes models; returns lines about it.

    `pairs` says whether the model takes pairs of texts. A ModelFolderError reports that it cannot be stored.
    """
    addresses = [callback.log_model(folder, pairs) for callback in callbacks if isinstance(callback, MlflowLog)]
    return [f"MLflow has it as {name}: mlflow models serve -m {name} --env-manager local" for name in addresses]


class FolderLog(Callback):
    """A log in a folder, with the configuration in config.json."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_train_begin(self, facts: dict[str, Any], is_resumed: bool) -> None:
        with self._writing():
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_file(self._folder / _CONFIG) as file:
                file.write(f"{json.dumps(facts, indent=2)}\n".encode())
            self._open(is_resumed)

    def on_step_end(self, step: Step) -> None:
        with self._writing():
            self._write("step", step.number, {"epoch": step.epoch, **step.metrics})

    def on_epoch_end(self, record: dict[str, float]) -> None:
        with self._writing():
            self._write("epoch", int(record.pop("epoch")), record)

    @abstractmethod
    def _open(self, is_resumed: bool) -> None:
        """Open the files of a new or a resumed run."""

    @abstractmethod
    def _write(self, unit: str, number: int, metrics: Mapping[str, float]) -> None:
        """Write the metrics of a "step" or an "epoch"."""

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ModelFolderError(f"cannot write {self._folder}: {reason_of(error, self._folder)}") from error


class CsvLog(FolderLog):
    """Files steps.csv and epochs.csv with a row for each step and each epoch."""

    def _open(self, is_resumed: bool) -> None:
        self._stack, self._tables = ExitStack(), {}
        for unit, name in (("step", _STEPS), ("epoch", _EPOCHS)):
            path = self._folder / name
            last = _cut_off_partial_row(path) if is_resumed and path.exists() else None
            mode = "w" if last is None else "a"
            file = self._stack.enter_context(path.open(mode, encoding="utf-8", newline="", buffering=1))
            self._tables[unit] = csv.writer(file, lineterminator="\n"), last

    def _write(self, unit: str, number: int, metrics: Mapping[str, float]) -> None:
        writer, last = self._tables[unit]
        if last is None:
            writer.writerow([unit, *metrics])
        elif number <= last:  # a resumed run repeats the steps since its checkpoint, with the same results
            return
        writer.writerow([number, *metrics.values()])
        self._tables[unit] = writer, number

    def close(self) -> None:
        if hasattr(self, "_stack"):
            self._stack.close()


class TensorBoardLog(FolderLog):
    """Event files, with names that begin with "step/" and "epoch/"."""

    _writer: Any = None

    def _open(self, is_resumed: bool) -> None:
        import tensorflow as tf

        if not is_resumed:
            for file in self._folder.glob(_EVENTS):
                file.unlink()
        self._writer = tf.summary.create_file_writer(str(self._folder))

    def _write(self, unit: str, number: int, metrics: Mapping[str, float]) -> None:
        import tensorflow as tf

        # As tf.summary.scalar, which needs the package tensorboard.
        plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
        metadata = tf.compat.v1.SummaryMetadata(plugin_data=plugin, data_class="DATA_CLASS_SCALAR")
        with self._writer.as_default():
            for name, value in metrics.items():
                tf.summary.write(f"{unit}/{name}", tf.constant(value, tf.float32), step=number, metadata=metadata)

    def close(self) -> None:
        if self._writer:
            self._writer.close()


class MlflowLog(Callback):
    """A run of MLflow, in the store that MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME name, and its model."""

    def __init__(self, name: str) -> None:
        self._name, self._run_id, self._metrics, self._status = name, "", [], "FAILED"  # type: ignore[var-annotated]

    def on_train_begin(self, facts: dict[str, Any], is_resumed: bool) -> None:
        import mlflow

        with _mlflow_errors():
            self._run_id = mlflow.start_run(run_name=self._name).info.run_id
            mlflow.log_params({name: str(value)[:_MAX_PARAMETER] for name, value in _flat(facts)})
            mlflow.set_tag("textgraft.resumed", is_resumed)

    def on_step_end(self, step: Step) -> None:
        self._add("step", step.number, step.metrics)

    def on_epoch_end(self, record: dict[str, float]) -> None:
        self._add("epoch", int(record.pop("epoch")), record)
        self._send()

    def on_train_end(self, history: History) -> None:
        self._status = "FINISHED"

    def close(self) -> None:
        if self._run_id:
            import mlflow

            self._send()
            with _mlflow_errors():
                mlflow.end_run(self._status)

    def log_model(self, folder: Path, pairs: bool) -> str:
        """Store the model folder of the finished run as a model that `mlflow models serve` loads.

        Args:
            folder: of the model.
            pairs: whether it takes pairs of texts.

        Returns:
            the address of the model, "models:/..." or "runs:/...".

        Raises:
            ModelFolderError: when MLflow cannot store it.
        """
        import mlflow
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        columns = Schema([ColSpec("string", name) for name in (("text", "pair") if pairs else ("text",))])
        with _mlflow_errors(), warnings.catch_warnings(), self._run():
            warnings.filterwarnings("ignore", ".*input example was not provided")
            stored = mlflow.pyfunc.log_model(
                name=_MODEL,
                loader_module=_LOADER,
                data_path=str(folder),
                signature=ModelSignature(inputs=columns),
                pip_requirements=[f"textgraft=={version('textgraft')}"],
            )
        return str(stored.model_uri)

    def _run(self) -> Any:
        """The run, which is resumed; a new one where this trained no model."""
        import mlflow

        return mlflow.start_run(run_id=self._run_id) if self._run_id else mlflow.start_run(run_name=self._name)

    def _add(self, unit: str, number: int, metrics: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self._metrics += [Metric(f"{unit}/{name}", value, now, number) for name, value in metrics.items()]
        if len(self._metrics) >= _BATCH:
            self._send()

    def _send(self) -> None:
        from mlflow import MlflowClient

        metrics, self._metrics = self._metrics, []
        with _mlflow_errors():
            for start in range(0, len(metrics), _BATCH):
                MlflowClient().log_batch(self._run_id, metrics=metrics[start : start + _BATCH])


@contextmanager
def _mlflow_errors() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, OSError) as error:
        raise ModelFolderError(f"MLflow cannot be used: {error_summary(error)}; check MLFLOW_TRACKING_URI") from error


def _cut_off_partial_row(path: Path) -> int | None:
    """Remove the row at whose writing the process died; returns the number of the last row, None in an empty file."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - _MAX_ROW))
        end = file.read().rfind(b"\n") + 1
        file.truncate(start + end)
        file.seek(start)
        lines = file.read().splitlines()
    if not lines:
        return None
    number = lines[-1].split(b",")[0]
    return int(number) if number.isdigit() else 0


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Items of nested mappings, with names joined by dots."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
