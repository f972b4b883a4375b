"""Every use of Keras internals: global state, files, layers in networks, LoRA, caches of language models, seeds."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from threading import RLock
from typing import Any

import keras
import keras_hub
import numpy as np
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.saving import saving_lib

_NAMES, _UNINITIALIZED = "object_name_uids", "uninitialized_variables"

_TABLE = "embeddings"  # the name of a weight whose rows are looked up

# Held while layers compute by other functions.
_REPLACING = RLock()


@contextmanager
def separate_state() -> Iterator[None]:
    """Build layers as if they were the first of the process, in float32 unless they have a type.

    Elsewhere each layer without a name gets a new one, and TensorFlow keeps about 30 KB for each name of a variable
    for the life of the process. The names and the dtype policy of the calling thread are restored at the end.
    """
    names, policy = global_state.get_global_attribute(_NAMES), keras.config.dtype_policy()
    global_state.set_global_attribute(_NAMES, None)
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        global_state.set_global_attribute(_NAMES, names)


@contextmanager
def deferred_weights() -> Iterator[None]:
    """Build layers without allocating their weights, which get a value at the end of the context.

    It is the one that was assigned in the context, or an initial value; no random numbers are drawn for the former. An
    exception discards the weights. Weights from before the context must not be assigned.
    """
    try:
        with keras.StatelessScope() as scope:
            try:
                yield
            except BaseException:
                _discard_uninitialized_variables()
                raise
            for variable in global_state.get_global_attribute(_UNINITIALIZED) or []:
                if (value := scope.get_current_value(variable)) is not None:
                    variable._initializer = partial(_given_value, value)
    finally:
        _discard_uninitialized_variables()  # the end of the scope may have failed to initialize them


def stored_value(variable: keras.Variable) -> tf.Variable:
    """The values of a variable in its own type, also within a layer that computes in another one."""
    return variable._value


@contextmanager
def fixed_weights(max_constant_bytes: int) -> Iterator[None]:
    """Compute with the present values of weights, cast once; functions traced in the context keep them.

    Those that are not looked up become constants of the graph, up to a number of bytes, so that oneDNN arranges them
    once instead of in each call; TensorFlow copies constants several times.
    """
    with _FixedWeights(max_constant_bytes):
        yield


class _FixedWeights(keras.StatelessScope):
    """Values of weights where layers read them, by the hook of Keras's stateless calls; see `fixed_weights`."""

    def __init__(self, max_constant_bytes: int) -> None:
        super().__init__(initialize_variables=False)
        self._bytes_left = max_constant_bytes
        self._values: dict[tuple[int, str], tf.Tensor | None] = {}

    def get_current_value(self, variable: keras.Variable) -> tf.Tensor | None:
        key = id(variable), variable.dtype  # the type of the computation
        if key not in self._values:
            self._values[key] = self._value(variable)
        return self._values[key]

    def _value(self, variable: keras.Variable) -> tf.Tensor | None:
        dtype = tf.as_dtype(variable.dtype)
        size = math.prod(variable.shape) * dtype.size
        is_constant = variable.name != _TABLE and size <= self._bytes_left
        if not is_constant and dtype == variable._value.dtype:
            return None  # the variable itself
        with tf.init_scope():
            value = tf.cast(variable._value, dtype)
            if not is_constant:
                return value
            array = value.numpy()
        self._bytes_left -= size
        return tf.constant(array)


def _given_value(value: tf.Tensor, *_: Any, **__: Any) -> tf.Tensor:
    """An initializer, for any shape and type."""
    return value


def _discard_uninitialized_variables() -> None:
    """Forget the variables that were created within a `keras.StatelessScope`; its end would initialize them."""
    global_state.set_global_attribute(_UNINITIALIZED, [])


@contextmanager
def replaced_calls(calls: Mapping[keras.layers.Layer, Callable[..., Any]]) -> Iterator[None]:
    """Compute layers by other functions; functions traced in the context keep them, the layers do not.

    Another thread that replaces calls waits.
    """
    with _REPLACING:
        for layer, call in calls.items():
            layer.call = call
        try:
            yield
        finally:
            for layer in calls:
                del layer.call


def replacements(layer: keras.layers.Layer) -> dict[keras.layers.Layer, Callable[..., Any]]:
    """The functions that replace calls of layers inside a layer; see `replaced_calls`."""
    inner_layers = [inner for inner in flatten_layers(layer) if inner is not layer]
    return {inner: vars(inner)["call"] for inner in inner_layers if "call" in vars(inner)}


def flatten_layers(network: keras.layers.Layer) -> list[keras.layers.Layer]:
    """A layer and all layers in it at any depth; `Model.layers` has the top level only."""
    return list(network._flatten_layers())


def hdf5_weights(model: keras.Model, skipped: Sequence[keras.layers.Layer] = ()) -> memoryview:
    """The content of the file that `save_weights` writes, made in memory; without the weights of some layers."""
    buffer = BytesIO()
    store = saving_lib.H5IOStore(buffer, mode="w")
    visited = {id(layer) for layer in skipped}
    saving_lib._save_state(model, weights_store=store, assets_store=None, inner_path="", visited_saveables=visited)
    store.close()
    return buffer.getbuffer()


def run_layers(network: keras.Model, inputs: Mapping[str, Any], call: Callable[..., Any]) -> Any:
    """Call a function in place of each layer at the top level: with the layer, its inputs and its other arguments.

    Args:
        network: has its inputs by name.
        inputs: values of any type by these names, which replace its tensors.
        call: from a layer and values to the layer's output.

    Returns:
        the network's output.
    """
    values = [inputs[tensor.name] for tensor in network.inputs]
    return network._run_through_graph(values, lambda layer: partial(call, layer))


def relative_buckets(attention: keras.layers.Layer, length: int) -> np.ndarray:
    """The bucket of each difference of two positions from 1 - length to length - 1, int64 (2 * length - 1,).

    `attention` is KerasHub's disentangled self-attention.
    """
    buckets = np.asarray(attention._get_rel_pos(length))[0, 0]  # (length, length)
    return np.concatenate([buckets[0, :0:-1], buckets[:, 0]]).astype(np.int64)


def remove_lora_matrices(layer: keras.layers.Layer, merge: bool) -> None:
    """Remove the matrices of `enable_lora`, for which Keras has no public method; `merge` adds their product."""
    layer._tracker.unlock()
    layer.lora_enabled = False
    for matrix in (layer.lora_kernel_a, layer.lora_kernel_b):
        layer._untrack_variable(matrix)
    layer._tracker.lock()
    layer.kernel.trainable = True
    if merge:  # in float32; with the matrices, `layer.kernel` has the precision of the computation
        update = keras.ops.matmul(layer.lora_kernel_a, layer.lora_kernel_b)
        layer.kernel.assign(layer.kernel + layer.lora_alpha / layer.lora_rank * update)


def build_cache(model: keras_hub.models.CausalLM, token_ids: tf.Tensor) -> tf.Tensor:
    """Keys and values of rows of tokens, int32 (b, t): (b, layers, 2, t, heads, head_dim)."""
    _, cache = model._build_cache(token_ids)
    return cache


@contextmanager
def replaced_seeds(layer: keras.layers.Layer, draw: Callable[[Callable[[], tf.Tensor]], tf.Tensor]) -> Iterator[None]:
    """Draw the seeds in a layer by a function, which receives the one that draws a new seed."""
    generators = [generator for inner in flatten_layers(layer) for generator in inner._seed_generators]
    with _REPLACING:
        for generator in generators:
            generator.next = partial(draw, generator.next)
        try:
            yield
        finally:
            for generator in generators:
                del generator.next


def is_training(layer: keras.layers.Layer) -> bool:
    """Whether a layer that is being called is in training mode; not all layers have it as an argument."""
    return bool(layer._get_call_context().training)


def is_seed_state(weight: keras.Variable) -> bool:
    """Whether a weight is the state of a seed generator; Keras marks these by their path only."""
    return "seed_generator_state" in weight.path
