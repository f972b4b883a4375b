"""feature-extraction: texts to vectors. It is not trained; its head has the layers that the preset came with."""

from collections.abc import Mapping, Sequence
from typing import Any

from textgraft.data.columns import Reading
from textgraft.data.dataset import Dataset
from textgraft.data.loading import Source
from textgraft.errors import ConfigError
from textgraft.storage.schema import BOOLEAN, STRING, Integer, List, Object, OneOf
from textgraft.task_specs import ModelSchema, ShapePattern, TaskSpec, dense_shapes

MAX_UNITS = 2**16
ACTIVATIONS = ("linear", "tanh", "relu", "gelu", "sigmoid")


class FeatureExtractionSpec(TaskSpec):
    """An embedder."""

    class_path = "textgraft.tasks.feature_extraction:TextEmbedder"
    labelled = False

    def load_slices(self, source: Source, split: str | None, reading: Reading) -> tuple[Dataset, ...]:
        raise ConfigError("feature-extraction is neither trained nor evaluated; embed texts with `textgraft embed`")

    def check(self, train: Dataset, *others: Dataset) -> tuple[str, ...]:
        return ()

    def weight_shapes(self, settings: Mapping[str, Any], hidden: Sequence[int]) -> Mapping[str, ShapePattern] | None:
        layers = settings["layers"]
        shapes = dense_shapes(**{f"dense_{index}": layer["units"] for index, layer in enumerate(layers)})
        without_bias = {f"head/dense_{index}/bias" for index, layer in enumerate(layers) if not layer["use_bias"]}
        return {name: shape for name, shape in shapes.items() if name not in without_bias}

    def schema(self, settings: Mapping[str, Any]) -> ModelSchema:
        layer = Object({"units": Integer(1, MAX_UNITS), "activation": OneOf(ACTIVATIONS), "use_bias": BOOLEAN})
        return ModelSchema(Object({"normalize": BOOLEAN, "layers": List(layer, max_items=16), "prompt": STRING}))
