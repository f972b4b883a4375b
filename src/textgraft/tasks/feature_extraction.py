"""feature-extraction: texts to vectors, by a backbone without further training."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.backbones.split_network import SplitNetwork
from textgraft.tasks.base import Task
from textgraft.tasks.texts import Texts, as_batches


class TextEmbedder(Task):
    """Texts to pooled vectors, float32 (n, dim)."""

    name = "feature-extraction"

    def __init__(
        self, preset: str | Path | Backbone, precision: str = "auto", normalize: bool = False, **options: Any
    ) -> None:
        """Load the backbone.

        Args:
            preset: name, address or path; see docs/guide/presets.md.
            precision: "auto", "float32" or "mixed_bfloat16".
            normalize: divide each vector by its Euclidean length.
            options: arguments of all models (see `Task`); hidden and dropout have no effect.
        """
        self.normalize = normalize
        super().__init__(preset, precision, **options)

    def build_head(self) -> keras.Model:
        vector = keras.Input((self.backbone.dim,), name="vector")
        layer = keras.layers.UnitNormalization(dtype="float32") if self.normalize else keras.layers.Identity()
        return keras.Model(vector, layer(vector), name="head")

    def forward(self, batch: Any, training: bool = False, split: SplitNetwork | None = None) -> tf.Tensor:
        """A batch of rows to vectors; the mean over windows is normalized, not each window."""
        return self.head(self.pool(batch, training, split), training=training)

    def settings(self) -> dict[str, Any]:
        return {"normalize": self.normalize}

    def predict(self, texts: Texts) -> np.ndarray:
        """The vector of each text, float32 (n, dim)."""
        parts = list(self.outputs(as_batches(texts)))
        return np.concatenate(parts) if parts else np.empty((0, self.backbone.dim), np.float32)
