"""config.json: what its fields must be, and whether the other files are what it says."""

import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from textgraft import registry
from textgraft.errors import ModelFolderError
from textgraft.model_folder.backbones.base import BackboneLayout
from textgraft.storage.safetensors import Shape
from textgraft.storage.schema import (
    ANY,
    BOOLEAN,
    DROPOUT,
    SCALAR,
    STRING,
    List,
    Map,
    Object,
    choice,
    integer,
    or_null,
)
from textgraft.task_specs import TaskSpec, task_names, task_spec

_TRUNCATED = Object({"texts": integer(0), "tokens": integer(0)})
_ARCHITECTURE = Object(
    {
        "pooling": STRING,
        "hidden": List(integer(1)),
        "dropout": DROPOUT,
        "sequence_length": or_null(integer(1)),
        "truncation": STRING,
        "cleaning": Object(
            dict.fromkeys(("strip_html", "normalize_unicode", "lowercase", "strip_punctuation"), BOOLEAN)
        ),
        "seed": integer(0),
    }
)
_DATA = Map(Object({"source": STRING, "texts": integer(1), "sha256": STRING, "truncated": _TRUNCATED}, others=ANY))
_FIELDS = Object(
    {
        "format_version": integer(1),
        "task": STRING,
        "settings": Object({}, others=ANY),
        "preset": STRING,
        "preset_sha256": Map(STRING),
        "family": STRING,
        "backbone": Object({}, others=ANY),
        "architecture": _ARCHITECTURE,
        "precision": choice("float32", "mixed_bfloat16"),
        "versions": Map(STRING),
    },
    {"run": STRING, "fit": Map(SCALAR), "metrics": Object({}, others=ANY), "data": _DATA},
)


def check_config(config: Mapping[str, Any], place: Path) -> None:
    """Check every field.

    Args:
        config: of a model folder.
        place: the file.

    Raises:
        ModelFolderError: for a field that is missing, unknown or of another kind, or for an unknown family or task.
    """
    _FIELDS.check(config, f"{place}: config")
    backbone, spec = _layout(config, place), _spec(config, place)
    backbone.fields.check(config["backbone"], f"{place}: config.backbone")
    task = spec.schema(config["settings"])
    task.settings.check(config["settings"], f"{place}: config.settings")
    test = replace(task.test, fields={**task.test.fields, "truncated": _TRUNCATED})
    metrics = Object({}, {"validation": task.validation, "test": test})
    metrics.check(config.get("metrics", {}), f"{place}: config.metrics")


def check_files(config: Mapping[str, Any], stored: Mapping[str, Shape], folder: Path) -> None:
    """Compare the weights and the tokenizer's files with what the config describes.

    So a network is built only when the weights of all of it are there, and can be no larger than they are.

    Args:
        config: checked.
        stored: name and shape of each weight.
        folder: verified.

    Raises:
        ModelFolderError: naming the first weight or file that is missing, left over or of another size.
    """
    left = dict(stored)
    for name, shape in _weight_shapes(config, folder):
        found = left.pop(name, None)
        if found != shape:
            raise _misfit(folder, f"{name} of shape {shape}", f"one of {found}" if found else "none")
    if left:
        raise _misfit(folder, f"no {reprlib.repr(next(iter(left)))}", "one")
    _layout(config, folder).check_assets(config["backbone"], folder)


def _weight_shapes(config: Mapping[str, Any], place: Path) -> Iterator[tuple[str, Shape]]:
    backbone, spec = _layout(config, place), _spec(config, place)
    for name, shape in backbone.weight_shapes(config["backbone"]):
        yield f"backbone/{name}", shape
    dim = backbone.dim(config["backbone"])
    for name, shape in spec.weight_shapes(config["settings"], config["architecture"]["hidden"], dim):
        yield f"head/{name}", shape


def _layout(config: Mapping[str, Any], place: Path) -> type[BackboneLayout]:
    _require_known("family", config["family"], registry.names("model_folder.backbones"), place)
    return registry.implementation("model_folder.backbones", config["family"], BackboneLayout)


def _spec(config: Mapping[str, Any], place: Path) -> type[TaskSpec]:
    _require_known("task", config["task"], task_names(), place)
    return task_spec(config["task"])


def _require_known(field: str, name: str, known: Sequence[str], place: Path) -> None:
    if name not in known:
        raise ModelFolderError(
            f"{place}: {field} {reprlib.repr(name)} is unknown; this textgraft reads {', '.join(known)}: "
            "install one that knows it"
        )


def _misfit(folder: Path, expected: str, found: str) -> ModelFolderError:
    return ModelFolderError(
        f"{folder}: config.json describes a network with {expected}, model.safetensors holds {found}; "
        "copy the model folder again"
    )
