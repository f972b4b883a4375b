"""Rebuilding networks from model folders; memory for weights is allocated only when all their shapes match the file."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import keras

from textgraft.backbones.base import Backbone, Origin
from textgraft.backbones.family import load_family
from textgraft.backbones.format import Head
from textgraft.backbones.keras_private import deferred_weights, separate_state
from textgraft.errors import ConfigError, ModelFolderError, PresetError
from textgraft.model_folder.config import HEAD
from textgraft.model_folder.folder import StoredModel, read
from textgraft.model_folder.writing import named_weights
from textgraft.task_specs import task_spec

_BACKBONE = "backbone/"


@contextmanager
def rebuilding(stored: StoredModel) -> Iterator[None]:
    """Build layers without allocating their weights; `StoredModel.assign` sets them before the end of the context.

    Within the context a weight has a path and a shape, but no value. An exception discards the weights.

    Raises:
        ModelFolderError: in place of a ConfigError or PresetError.
    """
    try:
        with separate_state(), deferred_weights():
            yield
    except (ConfigError, PresetError) as error:
        raise ModelFolderError(f"{stored.folder} cannot be rebuilt: {error}; copy the model folder again") from error


def rebuild_backbone(stored: StoredModel, precision: str) -> Backbone:
    """The backbone that a model folder's config describes, with untrained weights.

    Raises:
        PresetError: when it cannot be built.
    """
    config = stored.config
    origin = Origin(config["preset"], config["preset_sha256"])
    family = load_family(config["family"])
    return family.backbone_class.from_config(  # type: ignore[no-any-return]
        family, config["backbone"], stored.folder, origin, precision
    )


def read_backbone(folder: Path, precision: str) -> Backbone:
    """The trained backbone of a model folder; `Backbone.heads` has the head of its task.

    Raises:
        ModelFolderError: when the folder is damaged or its parts do not fit each other.
    """
    stored = read(folder)
    with rebuilding(stored):
        backbone = rebuild_backbone(stored, precision)
        stored.assign(named_weights(backbone=backbone.network), _BACKBONE)
    backbone.origin = Origin(str(folder), stored.sha256)
    backbone.default_pooling = stored.config["architecture"]["pooling"]
    if stored.seen is not None:
        labelled = task_spec(stored.config["task"]).labelled
        backbone.seen = stored.seen if labelled else stored.seen.as_adaptation()
    backbone.heads = {stored.config["task"]: Head(stored.config["settings"], partial(_fill_head, stored))}
    return backbone


def _fill_head(stored: StoredModel, head: keras.Model) -> str:
    stored.assign(named_weights(head=head), HEAD)
    return ""
