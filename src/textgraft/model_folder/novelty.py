"""The distances of a classifier that rejects unknown texts, in a model folder; does not import TensorFlow."""

from collections.abc import Mapping
from typing import Any

from textgraft.storage.schema import Integer, Object
from textgraft.task_specs import ShapePattern

NOVELTY = "novelty/"  # begins the names of the tensors

NOVELTY_SCHEMA = Object({"dim": Integer(1), "texts": Integer(1)})


def novelty_shapes(config: Mapping[str, Any]) -> dict[str, ShapePattern]:
    """The shapes of the tensors that a config describes, none where it has no distances."""
    if "novelty" not in config:
        return {}
    dim, labels = config["novelty"]["dim"], len(config["settings"].get("labels", ()))
    return {
        f"{NOVELTY}center": (dim,),
        f"{NOVELTY}means": (labels, dim),
        f"{NOVELTY}whitening": (dim, dim),
    }
