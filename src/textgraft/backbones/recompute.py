"""Training in less memory: activations of blocks are computed again in the backward pass.

The forward pass keeps only the inputs of each block (Chen et al., 2016, https://arxiv.org/abs/1604.06174). Gradients
are computed from the last block down, by a tape over one block at a time. Unlike `tf.recompute_grad`, this registers no
gradient function; TensorFlow would keep it, and the weights with it, for the life of the process.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from textgraft.backbones.keras_private import is_training, replaced_calls, replaced_seeds, replacements


@dataclass(frozen=True)
class _BlockCall:
    """A call of a block in the forward pass.

    Attributes:
        arguments: positional and named arguments, the latter with "training".
        seeds: seeds of its dropout, in the order in which they were drawn.
        inner_calls: functions that replaced the calls of layers in the block.
    """

    block: keras.layers.Layer
    arguments: tuple[tuple[Any, ...], dict[str, Any]]
    output: tf.Tensor
    seeds: Sequence[tf.Tensor]
    inner_calls: Mapping[keras.layers.Layer, Callable[..., Any]]

    @property
    def inputs(self) -> list[tf.Tensor]:
        """The arguments that can have a gradient."""
        return [argument for argument in keras.tree.flatten(self.arguments) if _is_float(argument)]

    def gradients(self, upstream: tf.Tensor, variables: Sequence[tf.Variable]) -> tuple[list[Any], list[Any]]:
        """Gradients by inputs and by variables, None where there is none, from that by the output.

        The block is computed again when `upstream` is known, not before: its inputs are copied under this condition,
        which also prevents TensorFlow from using the first results again.
        """
        with tf.control_dependencies([upstream]):
            args, kwargs = keras.tree.map_structure(_copy, self.arguments)
            seeds = iter([tf.identity(seed) for seed in self.seeds])
        inputs = [argument for argument in keras.tree.flatten((args, kwargs)) if _is_float(argument)]
        with (
            replaced_calls(self.inner_calls),
            replaced_seeds(self.block, lambda _: next(seeds)),
            tf.GradientTape(watch_accessed_variables=False) as tape,
        ):
            tape.watch([*inputs, *variables])
            output = self.block(*args, **kwargs)
        gradients = tape.gradient(output, [*inputs, *variables], upstream)
        return gradients[: len(inputs)], gradients[len(inputs) :]


class RecomputingTape:
    """A gradient tape that does not keep the activations of blocks; see `recomputing_tape`."""

    def __init__(self, tape: tf.GradientTape) -> None:
        """Wrap a tape, persistent where it is to record calls."""
        self._tape, self._calls = tape, list[_BlockCall]()

    def call(self, block: keras.layers.Layer, *args: Any, **kwargs: Any) -> tf.Tensor:
        """Call a block as Keras does, and record that it was called."""
        seeds: list[tf.Tensor] = []

        def draw(draw_next: Callable[[], tf.Tensor]) -> tf.Tensor:
            seeds.append(draw_next())
            return seeds[-1]

        with self._tape.stop_recording(), replaced_seeds(block, draw):
            output = type(block).call(block, *args, **kwargs)
        self._tape.watch(output)
        arguments = args, {**kwargs, "training": is_training(block)}
        self._calls.append(_BlockCall(block, arguments, output, seeds, replacements(block)))
        return output

    def gradient(self, loss: tf.Tensor, variables: Sequence[tf.Variable]) -> list[Any]:
        """Gradients of a loss, after the context; as `tf.GradientTape.gradient` returns them."""
        targets, upstream = [loss], [tf.ones_like(loss)]
        terms: list[list[Any]] = [[] for _ in variables]
        for call in reversed(self._calls):
            by_output = self._tape.gradient(targets, call.output, upstream)
            if by_output is None:
                continue
            by_input, by_variable = call.gradients(by_output, variables)
            connected = [index for index, gradient in enumerate(by_input) if gradient is not None]
            targets += [call.inputs[index] for index in connected]
            upstream += [by_input[index] for index in connected]
            _append(terms, by_variable)
        _append(terms, self._tape.gradient(targets, variables, upstream))
        return [_sum(gradients) for gradients in terms]


@contextmanager
def recomputing_tape(blocks: Sequence[keras.layers.Layer]) -> Iterator[RecomputingTape]:
    """A tape that records the context, in a graph.

    Args:
        blocks: layers with one output, whose activations are computed again in the backward pass; may be empty.
    """
    # A persistent tape would make compiled functions return gradients of their intermediate results too.
    with tf.GradientTape(persistent=bool(blocks)) as tape:
        recomputing = RecomputingTape(tape)
        with replaced_calls({block: partial(recomputing.call, block) for block in blocks}):
            yield recomputing


def _is_float(argument: Any) -> bool:
    return isinstance(argument, tf.Tensor) and argument.dtype.is_floating


def _copy(argument: Any) -> Any:
    return tf.identity(argument) if _is_float(argument) else argument


def _append(terms: Sequence[list[Any]], gradients: Sequence[Any]) -> None:
    for sum_of, gradient in zip(terms, gradients, strict=True):
        if gradient is not None:
            sum_of.append(gradient)


def _sum(terms: Sequence[Any]) -> Any:
    if len(terms) > 1:
        return tf.add_n([tf.convert_to_tensor(term) for term in terms])
    return terms[0] if terms else None
