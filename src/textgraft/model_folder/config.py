"""config.json: the schema of its fields, and whether the other files match it; does not import TensorFlow."""

import math
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from textgraft.backbones.family import family_names, load_family
from textgraft.backbones.text_vectors import POOLINGS
from textgraft.data.seen_texts import ADAPTATION, TRAIN, VALIDATION
from textgraft.errors import ModelFolderError
from textgraft.model_folder.co_training import CO_TRAINING, CO_TRAINING_SCHEMA
from textgraft.model_folder.ngrams import NGRAMS, NGRAMS_SCHEMA, ngram_shapes
from textgraft.model_folder.novelty import NOVELTY, NOVELTY_SCHEMA, novelty_shapes
from textgraft.model_folder.reference import REFERENCE_SCHEMA
from textgraft.model_folder.replay import REPLAY_SCHEMA, why_no_replay
from textgraft.model_folder.seen_texts import SEEN_SCHEMA
from textgraft.model_folder.text_index import INDEX_SCHEMA, why_no_index
from textgraft.options import MAX_SEED
from textgraft.runtime import DTYPE_POLICIES
from textgraft.storage.schema import (
    ANY,
    BOOLEAN,
    DROPOUT,
    NUMBER,
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
from textgraft.task_specs import ShapePattern, task_names, task_spec
from textgraft.text.cleaning import Cleaning
from textgraft.text.truncation import TRUNCATIONS, WINDOWS, why_no_windows

HEAD = "head/"  # begins the names of the head's weights
ZERO_SHOT = "zero_shot"  # the field that says that the head was made from descriptions, without a training text

# The field that names what validated a model that is trained on all labelled texts.
VALIDATED_BY = "validated_by"
CROSS_VALIDATION, INITIAL_HEAD = "cross-validation", "cross-validation of the initial head"
FIRST_RUN = "validation before the refit"

# The field of a model whose training extended another one; see `tasks.extension`.
EXTENDED_FROM = "extended_from"
HELD_OUT = "held-out"  # the texts that judge it, where there is no test set

_TRUNCATED = Object({"texts": Integer(0), "tokens": Integer(0)})
_ARCHITECTURE = Object(
    {
        "pooling": OneOf(POOLINGS),
        "hidden": List(Integer(1)),
        "dropout": DROPOUT,
        "sequence_length": Integer(1, optional=True),
        "truncation": OneOf(TRUNCATIONS),
        "cleaning": Object({step.name: BOOLEAN for step in fields(Cleaning)}),
        "seed": Integer(0, MAX_SEED),
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
_COMPUTATION = Object(
    {"kernels": STRING, "processor": STRING, "threads": Integer(1), "precision": OneOf(DTYPE_POLICIES)},
    {"workers": Integer(1)},
)
# That predictions in int8 are those in float32; see `tasks.quantization`.
_PROOF = Object(
    {
        "processor": STRING,
        "data": STRING,
        "texts": Integer(1),
        "agreement": NUMBER,
        "lost": NUMBER,
        "metric": STRING,
        "float32": List(STRING),
        "versions": Map(STRING),
    },
    {"tables": BOOLEAN, "smoothed": BOOLEAN},  # absent where tables are in float32, and vectors as they are
)
_ACCURACIES = Object({"texts": Integer(1), "before": NUMBER, "after": NUMBER})
_EXTENDED_FROM = Object(
    {"model": STRING, "labels": Integer(2), "replayed": Integer(0), "accuracies": Map(_ACCURACIES)},
    {"stored": Object({"set": STRING, "accuracy": NUMBER})},
)
_RECORD: dict[str, Schema] = {
    "run": STRING,
    "fit": Map(SCALAR),
    "metrics": Object({}, others=ANY),
    "data": _DATA,
    "columns": Object({}, dict.fromkeys(("text", "label", "pair"), STRING)),
    "computation": _COMPUTATION,
    "command": STRING,
    "int8": List(_PROOF),
    VALIDATED_BY: OneOf((CROSS_VALIDATION, INITIAL_HEAD, FIRST_RUN)),
    ZERO_SHOT: BOOLEAN,
    EXTENDED_FROM: _EXTENDED_FROM,
    CO_TRAINING: CO_TRAINING_SCHEMA,
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
    {
        **_RECORD,
        "seen_texts": SEEN_SCHEMA,
        "ngrams": NGRAMS_SCHEMA,
        "replay": REPLAY_SCHEMA,
        "text_index": INDEX_SCHEMA,
        "reference": REFERENCE_SCHEMA,
        "novelty": NOVELTY_SCHEMA,
    },
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
    if problem := _unsuitable(config):
        raise ModelFolderError(f"{path}: {problem}; copy the model folder again")


def _unsuitable(config: Mapping[str, Any]) -> str:
    """Why fields that are valid by themselves do not suit each other; empty if they do."""
    spec, family, architecture = task_spec(config["task"]), load_family(config["family"]), config["architecture"]
    pairs, length = config["settings"].get("pairs", False), architecture["sequence_length"]
    if spec.needs and not getattr(family, spec.needs):
        return f"config.task {config['task']} does not suit the family {config['family']}"
    if architecture["pooling"] not in family.poolings:
        return f"config.architecture.pooling must be one of {', '.join(family.poolings)}"
    minimum, maximum = family.length_limits(config["backbone"], pairs)
    # Without a maximum, any number of tokens is a row.
    if (length is None and maximum) or (length and not minimum <= length <= (maximum or length)):
        limits = f"between {minimum} and {maximum}" if maximum else f"at least {minimum}"
        return f"config.architecture.sequence_length must be {limits}, not {length}"
    if architecture["truncation"] == WINDOWS and (problem := why_no_windows(length, spec.pooled and not pairs)):
        return f"config.architecture: {problem}"
    if "ngrams" in config and not spec.takes_ngrams(config["settings"]):
        return "config.ngrams does not suit the task and its settings"
    if "replay" in config and (not spec.replays or why_no_replay(config["settings"], architecture)):
        return "config.replay does not suit the task and its settings"
    if "text_index" in config and why_no_index(spec.pooled, spec.labelled):
        return "config.text_index does not suit the task"
    if ("novelty" in config) != ("reject_above" in config["settings"]):
        return "config.novelty and config.settings.reject_above belong together"
    return spec.unsuitable(config)


def check_files(config: Mapping[str, Any], stored: Mapping[str, Shape], folder: Path) -> None:
    """Bound the sizes in the config by the stored weights, and check the tokenizer's files.

    All names and shapes of the weights are compared when the network is built; see `StoredModel.assign`. Here
    those are that a field of the config determines.

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
    family = load_family(config["family"])
    family.check_files(config["backbone"], folder, stored)
    check_shapes(stored, family.weight_shapes(config["backbone"]), folder)
    if (head := task_spec(config["task"]).weight_shapes(config["settings"], hidden)) is not None:
        check_shapes(stored, head, folder)
        _check_names(stored, {name: head[name] for name in head if name.startswith(HEAD)}, HEAD, folder)
    for prefix, shapes in ((NGRAMS, ngram_shapes(config)), (NOVELTY, novelty_shapes(config))):
        check_shapes(stored, shapes, folder)
        _check_names(stored, shapes, prefix, folder)


def _check_names(stored: Mapping[str, Shape], described: Mapping[str, ShapePattern], prefix: str, folder: Path) -> None:
    """Refuse a stored tensor with a prefix that the config does not describe, and the reverse."""
    for name in sorted(described.keys() ^ {name for name in stored if name.startswith(prefix)}):
        raise mismatch(folder, name, described.get(name), stored.get(name))


def check_shapes(stored: Mapping[str, Shape], patterns: Mapping[str, ShapePattern], folder: Path) -> None:
    """Compare the shapes of stored tensors with those that the config describes, by the ends of their names."""
    for name, shape in stored.items():
        for end, pattern in patterns.items():
            if f"/{name}".endswith(f"/{end}") and not _matches(shape, pattern):
                raise mismatch(folder, name, pattern, shape)


def mismatch(folder: Path, name: str, described: ShapePattern | None, stored: Shape | None) -> ModelFolderError:
    """The error for a weight; the shape is None where there is none."""
    expected = f"{name} of shape {_show_shape(described)}" if described else f"no weight {reprlib.repr(name)}"
    actual = (f"one of shape {stored}" if described else "one") if stored else "no such weight"
    return ModelFolderError(
        f"{folder}: config.json describes a network with {expected}, model.safetensors holds {actual}; copy the model "
        "folder again"
    )


def _matches(shape: Shape, pattern: ShapePattern) -> bool:
    sizes = zip(shape, pattern, strict=False)
    return len(shape) == len(pattern) and all(expected in (None, size) for size, expected in sizes)


def _show_shape(pattern: ShapePattern) -> str:
    return str(pattern).replace("None", "any")


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
