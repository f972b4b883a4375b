"""feature-extraction: texts to vectors, with the backbone as it is."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.data.dataset import Dataset
from textgraft.tasks.base import Task
from textgraft.tasks.texts import as_batches


class TextEmbedder(Task):
    """Texts to pooled vectors, float32 (n, dim)."""

    name = "feature-extraction"

    def __init__(
        self, preset: str | Path | Backbone, precision: str = "auto", normalize: bool = False, **architecture: Any
    ) -> None:
        """Load the backbone.

        Args:
            preset: see `load_backbone`.
            precision: "auto", "float32" or "mixed_bfloat16".
            normalize: divide each vector by its Euclidean length.
            architecture: fields of `Architecture`, of which hidden and dropout have no effect here, and what
                `tasks.base.Task` takes.
        """
        self.normalize = normalize
        super().__init__(preset, precision, **architecture)

    def build_head(self) -> keras.Model:
        """Nothing, or the division by the length."""
        vector = keras.Input((self.backbone.dim,), name="vector")
        last = keras.layers.UnitNormalization(dtype="float32") if self.normalize else keras.layers.Identity()
        return keras.Model(vector, last(vector), name="head")

    def forward(self, batch: Any, training: bool = False) -> tf.Tensor:
        """A batch of rows to vectors; of a text in windows, their mean is what is normalized."""
        return self.head(self.pool(batch, training), training=training)

    def settings(self) -> dict[str, Any]:
        """Whether vectors are normalized."""
        return {"normalize": self.normalize}

    def predict(self, texts: list[str] | Dataset) -> np.ndarray:
        """The vector of each text, float32 (n, dim)."""
        parts = list(self.outputs(as_batches(texts)))
        return np.concatenate(parts) if parts else np.empty((0, self.backbone.dim), np.float32)
