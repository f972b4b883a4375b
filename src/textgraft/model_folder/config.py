"""config.json: the schema of its fields, and whether the other files match it; does not import TensorFlow."""

import math
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from textgraft.backbones.family import family_names, load_family
from textgraft.data.seen_texts import ADAPTATION, TRAIN, VALIDATION
from textgraft.errors import ModelFolderError
from textgraft.model_folder.seen_texts import SEEN_SCHEMA
from textgraft.runtime import DTYPE_POLICIES
from textgraft.storage.schema import (
    ANY,
    BOOLEAN,
    DROPOUT,
    SCALAR,
    STRING,
    Integer,
    List,
    Map,
    Object,
    OneOf,
    Schema,
)
from textgraft.storage.weights_file import Shape
from textgraft.task_specs import task_names, task_spec
from textgraft.text.cleaning import Cleaning

_TRUNCATED = Object({"texts": Integer(0), "tokens": Integer(0)})
_ARCHITECTURE = Object(
    {
        "pooling": STRING,
        "hidden": List(Integer(1)),
        "dropout": DROPOUT,
        "sequence_length": Integer(1, optional=True),
        "truncation": STRING,
        "cleaning": Object({step.name: BOOLEAN for step in fields(Cleaning)}),
        "seed": Integer(0),
    }
)
_DATA = Map(
    Object(
        {"source": STRING, "texts": Integer(1), "sha256": STRING, "truncated": _TRUNCATED},
        {"labels": Map(Integer(1))},
        others=ANY,
    )
)
_SEEN = Object(
    {TRAIN: Integer(0), VALIDATION: Integer(0)},
    {ADAPTATION: Integer(0), "excluded": Integer(0), "estimated": BOOLEAN},
)
_RECORD: dict[str, Schema] = {
    "run": STRING,
    "fit": Map(SCALAR),
    "metrics": Object({}, others=ANY),
    "data": _DATA,
    "columns": Object({}, dict.fromkeys(("text", "label", "pair"), STRING)),
}
RECORD_FIELDS = tuple(_RECORD)  # of `tasks.base.Task.record`
_FIELDS = Object(
    {
        "format_version": Integer(1),
        "task": STRING,
        "settings": Object({}, others=ANY),
        "preset": STRING,
        "preset_sha256": Map(STRING),
        "family": STRING,
        "backbone": Object({}, others=ANY),
        "architecture": _ARCHITECTURE,
        "precision": OneOf(DTYPE_POLICIES),
        "versions": Map(STRING),
    },
    {**_RECORD, "seen_texts": SEEN_SCHEMA},
)


def check_config(config: Mapping[str, Any], path: Path) -> None:
    """Check every field of config.json.

    Raises:
        ModelFolderError: for a field that is missing, unknown or of the wrong type, or an unknown family or task.
    """
    _FIELDS.check(config, f"{path}: config")
    for field, known in (("family", family_names()), ("task", task_names())):
        if config[field] not in known:
            raise ModelFolderError(
                f"{path}: {field} {reprlib.repr(config[field])} is unknown; this textgraft reads {', '.join(known)}: "
                "upgrade textgraft"
            )
    load_family(config["family"]).config_schema.check(config["backbone"], f"{path}: config.backbone")
    task = task_spec(config["task"]).schema(config["settings"])
    task.settings.check(config["settings"], f"{path}: config.settings")
    test = replace(task.test, fields={**task.test.fields, "truncated": _TRUNCATED})
    test = replace(test, optional={**test.optional, "seen": _SEEN})
    metrics = Object({}, {"validation": task.validation, "validation_report": test, "test": test})
    metrics.check(config.get("metrics", {}), f"{path}: config.metrics")


def check_files(config: Mapping[str, Any], stored: Mapping[str, Shape], folder: Path) -> None:
    """Bound the sizes in the config by the stored weights, and check the tokenizer's files.

    Names and shapes of the weights are compared when the network is built; see `StoredModel.check_weights`.

    Args:
        config: checked by `check_config`.
        stored: shape of each stored tensor by name.
        folder: its hashes are verified.

    Raises:
        ModelFolderError: for a size that is too large, or a file that is missing, damaged or does not fit the network.
    """
    num_values = sum(map(math.prod, stored.values()))
    hidden = config["architecture"]["hidden"]
    sizes = [*_integers(config["backbone"], "config.backbone"), *_integers(hidden, "config.architecture.hidden")]
    for field, size in [*sizes, ("the number of hidden layers", len(hidden))]:
        if size > num_values:
            raise ModelFolderError(
                f"{folder}: {field} is {size:,}, but model.safetensors holds only {num_values:,} values; copy the "
                "model folder again"
            )
    load_family(config["family"]).check_files(config["backbone"], folder, len(stored))


def _integers(value: Any, field: str) -> Iterator[tuple[str, int]]:
    """Every integer in a JSON value with the name of its field."""
    if type(value) is int:
        yield field, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _integers(item, f"{field}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _integers(item, f"{field}[{index}]")
