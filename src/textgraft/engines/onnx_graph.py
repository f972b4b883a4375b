"""An ONNX model under construction (https://onnx.ai); its weights are beside it, since a model has at most 2 GB."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from textgraft.storage.syncing import FileContent

# The first opset with Gelu, and the version of the format that came with it.
_OPSET, _IR_VERSION = 20, 10
_ATTENTION, _ATTENTION_OPSET = "Attention", 23  # an operation of newer programs: ONNX Runtime has it from 1.23
MICROSOFT = "com.microsoft"  # the domain of operations that ONNX Runtime adds

# Constants up to this size are part of the model, where optimizations read them.
_MAX_INLINE_BYTES = 1024
_MAX_FILE_BYTES = 2**31 - 2**24  # of weights in the file of a model; a protocol buffer has less than 2 GiB

BATCH, SEQUENCE = "batch_size", "sequence_length"


class OnnxOutput(NamedTuple):
    """An output of a model: the value that it is, float32, and its shape, with `BATCH` and `SEQUENCE`."""

    value: str
    shape: tuple[str | int, ...]


class OnnxGraph:
    """Nodes and constants; a value is represented by its name.

    Attributes:
        weights: arrays by name that a session needs beside the model.
    """

    def __init__(self) -> None:
        self.weights: dict[str, np.ndarray] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, TensorProto] = {}
        self._shared: dict[str, str] = {}

    def add(self, operation: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output; returns the output."""
        output = f"{operation.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, inputs, [output], domain=domain, **attributes))
        return output

    def constant(self, array: np.ndarray, name: str = "") -> str:
        """Add a constant; a name that was used before returns the constant that has it."""
        name = name or f"constant_{len(self._constants)}"
        if name not in self._constants:
            array = np.ascontiguousarray(array).reshape(array.shape)
            if array.nbytes <= _MAX_INLINE_BYTES:
                self._constants[name] = numpy_helper.from_array(array, name)
            else:
                self.weights[name] = array
                self._constants[name] = _external(array, name)
        return name

    def shared(self, name: str, write: Callable[[], str]) -> str:
        """A value that several parts of a graph need: the first call for a name writes it."""
        if name not in self._shared:
            self._shared[name] = write()
        return self._shared[name]

    def integers(self, *values: int) -> str:
        """Add a constant int64 vector."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """Add a constant float32 scalar."""
        return self.constant(np.array(value, np.float32))

    def model(self, inputs: Sequence[str], outputs: Mapping[str, OnnxOutput], dim: int | None = None) -> bytes:
        """The serialized model, without its weights; inputs are int64 (batch, sequence), or float32 (batch, dim)."""
        nodes = [helper.make_node("Identity", [output.value], [name]) for name, output in outputs.items()]
        input_type = (TensorProto.INT64, [BATCH, SEQUENCE]) if dim is None else (TensorProto.FLOAT, [BATCH, dim])
        graph = helper.make_graph(
            [*self._nodes, *nodes],
            "network",
            [helper.make_tensor_value_info(name, *input_type) for name in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, output.shape) for name, output in outputs.items()],
            list(self._constants.values()),
        )
        opset = _ATTENTION_OPSET if any(node.op_type == _ATTENTION for node in self._nodes) else _OPSET
        opsets = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="textgraft")
        return model.SerializeToString()  # type: ignore[no-any-return]


def array_of(weight: keras.Variable) -> np.ndarray:
    """The values of a weight, float32."""
    return np.asarray(keras.ops.convert_to_numpy(weight.value), np.float32)


def model_files(name: str, model: bytes, weights: Mapping[str, np.ndarray]) -> dict[str, FileContent]:
    """The files of a model and its weights: one file, or for 2 GiB another one that the first refers to."""
    proto, size = onnx.ModelProto.FromString(model), sum(array.nbytes for array in weights.values())
    constants = [constant for constant in proto.graph.initializer if constant.name in weights]
    if size <= _MAX_FILE_BYTES:
        for constant in constants:
            constant.ClearField("data_location")
            constant.ClearField("external_data")
            constant.raw_data = weights[constant.name].tobytes()
        return {name: [proto.SerializeToString()]}
    start, data_name = 0, f"{name}_data"
    for constant in constants:
        length = weights[constant.name].nbytes
        constant.ClearField("external_data")
        for key, value in {"location": data_name, "offset": start, "length": length}.items():
            constant.external_data.add(key=key, value=str(value))
        start += length
    arrays = [weights[constant.name].reshape(-1).view(np.uint8).data for constant in constants]
    return {name: [proto.SerializeToString()], data_name: arrays}


def _external(array: np.ndarray, name: str) -> TensorProto:
    """A constant whose values a session gets from memory."""
    constant = TensorProto(name=name, dims=array.shape, data_location=TensorProto.EXTERNAL)
    constant.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
    constant.external_data.add(key="location", value="memory")
    return constant
