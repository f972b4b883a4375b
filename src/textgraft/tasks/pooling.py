"""Masked pooling of token vectors to one vector per text."""

import keras
from keras import ops

from textgraft.backbones.text_vectors import POOLINGS


@keras.saving.register_keras_serializable("textgraft")
class Pooling(keras.layers.Layer):
    """Pool token vectors (b, t, dim) under a padding mask (b, t) to (b, dim) in float32.

    mean: average over real tokens. cls: the first token. max: the largest value of each component.
    last: the last real token. sqrtn: the sum divided by the square root of the number of tokens, as TF-Hub's word
    embeddings do (Cer et al., 2018, https://arxiv.org/abs/1803.11175).
    A text without tokens pools to zeros.
    """

    def __init__(self, method: str, **kwargs: object) -> None:
        """Choose the method, one of `POOLINGS`; a ValueError reports another one."""
        super().__init__(dtype="float32", **kwargs)
        if method not in POOLINGS:
            raise ValueError(f"pooling {method!r} is unknown; choose one of {', '.join(POOLINGS)}")
        self.method = method

    def call(self, vectors: keras.KerasTensor, padding_mask: keras.KerasTensor) -> keras.KerasTensor:
        mask = ops.cast(padding_mask, vectors.dtype)  # (b, t)
        count = ops.sum(mask, axis=1, keepdims=True)  # (b, 1)
        if self.method == "cls":
            return ops.where(count > 0, vectors[:, 0, :], 0.0)
        if self.method == "last":
            last = ops.cast(ops.maximum(count - 1, 0), "int32")
            return ops.where(count > 0, ops.take_along_axis(vectors, last[:, :, None], axis=1)[:, 0, :], 0.0)
        if self.method == "max":
            lowest = ops.where(mask[:, :, None] > 0, vectors, vectors.dtype.min)
            return ops.where(count > 0, ops.max(lowest, axis=1), 0.0)
        # In float64: a float32 sum of a thousand words is off by more than 1e-6.
        total = ops.sum(ops.cast(vectors, "float64") * ops.cast(mask, "float64")[:, :, None], axis=1)
        count = ops.maximum(count, 1)
        return ops.cast(total, "float32") / (ops.sqrt(count) if self.method == "sqrtn" else count)

    def compute_output_shape(self, vectors_shape: tuple[int | None, ...], *_: object) -> tuple[int | None, ...]:
        return (vectors_shape[0], vectors_shape[-1])

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "method": self.method}
