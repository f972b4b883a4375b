"""The start of an engine."""

from typing import Protocol

import keras
import tensorflow as tf

from textgraft.backbones.base import Backbone
from textgraft.engines.int8 import Quantization
from textgraft.engines.names import ONNX
from textgraft.errors import ConfigError
from textgraft.text.packing import PairRows


class Encoder(Protocol):
    """What computes token vectors in predictions: a `Backbone`, or an engine in its place.

    Attributes:
        products: names of the network's products with weights and tables of the tokens' vectors, in the order of
            computation; of a backbone none.
    """

    products: tuple[str, ...]

    @property
    def batch_tokens(self) -> int:
        """Maximum tokens of a batch, padding included."""

    def vectors(self, rows: tf.RaggedTensor | PairRows, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """See `Backbone.vectors`."""

    def pool(self, rows: tf.RaggedTensor | PairRows, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        """See `Backbone.pool`."""


def start_engine(engine: str, backbone: Backbone, quantization: Quantization | None = None) -> Encoder:
    """An engine with the weights that a backbone has now, whose name and packages are checked.

    `quantization` is the form of int8; None for float32.

    Raises:
        ConfigError: when the engine does not compute such a network.
    """
    if engine != ONNX:
        return backbone
    from textgraft.engines.onnx_encoder import OnnxEncoder
    from textgraft.engines.onnx_network import write_network

    if not backbone.contextual:
        raise ConfigError(f"engine onnx computes transformers; for {backbone.family}, use engine tensorflow")
    network = write_network(backbone.network, quantization)
    return OnnxEncoder(network, backbone.special_tokens.pad, backbone.dim)
