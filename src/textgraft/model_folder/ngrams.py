"""The n-gram model in a model folder: its field in config.json and its tensors; does not import TensorFlow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

from textgraft.errors import ModelFolderError
from textgraft.storage.schema import Integer, Object, OneOf, number
from textgraft.task_specs import ShapePattern
from textgraft.task_specs.text_classification import TEMPERATURE

# N-grams are hashed to as many buckets. Their indices are stored in float32, which is exact below 2**24.
BUCKETS = 1 << 20

IDF = "idf"
SCALE_NAMES = (IDF, "log-count-ratio")

NGRAMS = "ngrams/"  # begins the names of the tensors
_BUCKETS, _SCALE = f"{NGRAMS}buckets", f"{NGRAMS}scale"

NGRAMS_SCHEMA = Object(
    {
        "features": Integer(1, BUCKETS),
        "weight": number(0, 1e6),
        "network_temperature": TEMPERATURE,
        "scale": OneOf(SCALE_NAMES),
        "inverse_penalty": number(1e-6, 1e6),
    }
)


def ngram_shapes(config: Mapping[str, Any]) -> dict[str, ShapePattern]:
    """The shapes of the tensors that a config describes, none where it has no n-grams."""
    if "ngrams" not in config:
        return {}
    features = config["ngrams"]["features"]
    return {
        _BUCKETS: (features,),
        _SCALE: (features,),
        f"{NGRAMS}kernel": (features, None),
        f"{NGRAMS}bias": (None,),
    }


def describe_ngrams(facts: Mapping[str, Any]) -> str:
    """A field of the config in a few words."""
    return f"{facts['features']:,}, weight {facts['weight']:.2f} beside the network"


def check_ngrams(weights: Path) -> None:
    """Check the values of a safetensors file with the tensors of `ngram_shapes`.

    Raises:
        ModelFolderError: for buckets that are not ascending whole numbers below `BUCKETS`, or a negative scale.
    """
    with safe_open(weights, framework="np") as tensors:
        buckets, scale = tensors.get_tensor(_BUCKETS), tensors.get_tensor(_SCALE)
    is_valid = (buckets == np.floor(buckets)).all() and buckets[0] >= 0 and buckets[-1] < BUCKETS
    if not is_valid or (np.diff(buckets) <= 0).any():
        raise ModelFolderError(
            f"{weights}: {_BUCKETS} must be whole numbers below {BUCKETS:,} in ascending order; copy the model folder "
            "again"
        )
    if (scale < 0).any():
        raise ModelFolderError(f"{weights}: {_SCALE} must be at least 0; copy the model folder again")
