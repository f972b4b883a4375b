"""Loading of model folders."""

import pkgutil
from pathlib import Path
from typing import Any, TypeVar

from textgraft import runtime
from textgraft.data.python_inputs import as_path
from textgraft.engines.names import TENSORFLOW, is_int8, network_precision
from textgraft.errors import ConfigError
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.backbone import rebuild_backbone, rebuilding
from textgraft.model_folder.config import RECORD_FIELDS
from textgraft.model_folder.folder import StoredModel
from textgraft.task_specs import task_spec
from textgraft.tasks.base import Task, names_model_folder
from textgraft.tasks.quantization import stored_quantization
from textgraft.text.cleaning import Cleaning

_Loaded = TypeVar("_Loaded", bound=Task)


def load(
    folder: str | Path | StoredModel, precision: str = "auto", engine: str = TENSORFLOW, trainable: bool = True
) -> Task:
    """Load a model folder: it is verified first, and no code from it is run.

    Args:
        folder: path of a model folder, or the result of `model_folder.read`.
        precision: "auto", "float32" or "mixed_bfloat16"; "int8" with engine onnx, where `quantize` has proved it.
        engine: what computes token vectors: "tensorflow", or "onnx" (ONNX Runtime), which predicts only.
        trainable: False for a model that predicts only, and faster where texts are few; see `Task.fix_weights`.

    Raises:
        ConfigError: for an engine that is not installed, or does not compute such a model; and for int8 without a
            proof on this kind of processor.
        ModelFolderError: when a file is missing, altered or malformed, has another format version, or does not fit the
            others.
        TextgraftError: in a process that was forked after TensorFlow had started.
    """
    runtime.require_own_process()
    in_int8, precision = is_int8(precision), network_precision(engine, precision)
    stored = folder if isinstance(folder, StoredModel) else model_folder.read(as_path(folder, "the model folder"))
    config, precision = stored.config, runtime.choose_precision(precision)
    with rebuilding(stored):
        architecture = {**config["architecture"], "cleaning": Cleaning(**config["architecture"]["cleaning"])}
        backbone = rebuild_backbone(stored, precision)
        spec = task_spec(config["task"])
        task_class, settings = pkgutil.resolve_name(spec.class_path), spec.constructor_options(config["settings"])
        task: Task = task_class(backbone, precision=precision, **architecture, **settings)
        task.restore(config)
        stored.assign(task.weights)
    task.history, task.seen, task.replay = stored.history, stored.seen, stored.replay
    task.index, task.reference = stored.index, stored.reference
    task.record = {key: config[key] for key in RECORD_FIELDS if key in config}
    proofs = task.record.get("int8", [])
    task.use_engine(engine, stored_quantization(proofs, stored.folder) if in_int8 else None)
    if not trainable:
        task.fix_weights()
    return task


def load_as(
    kind: type[_Loaded], folder: str | Path | StoredModel, precision: str = "auto", engine: str = TENSORFLOW
) -> _Loaded:
    """Load a model folder that must be of one task.

    Raises:
        ConfigError: when it is of another task; see also `load`.
        ModelFolderError: see `load`.
    """
    task = load(folder, precision, engine)
    if not isinstance(task, kind):
        path = folder.folder if isinstance(folder, StoredModel) else folder
        raise ConfigError(f"{path} is a model for {task.name}; this needs one for {kind.name or kind.description}")
    return task


def architecture_of(preset: str | Path) -> dict[str, Any]:
    """The fields of `Architecture` that a model folder computes text vectors with; empty for other presets."""
    if not names_model_folder(preset):
        return {}
    architecture = model_folder.read(Path(preset).expanduser()).config["architecture"]
    fields = {name: architecture[name] for name in ("pooling", "sequence_length", "truncation")}
    return {**fields, "cleaning": Cleaning(**architecture["cleaning"])}
