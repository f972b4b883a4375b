"""An ONNX model under construction (https://onnx.ai); its weights are beside it, since a model has at most 2 GB."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# The first opset with Gelu, and the version of the format that came with it.
_OPSET, _IR_VERSION = 20, 10
MICROSOFT = "com.microsoft"  # the domain of operations that ONNX Runtime adds

# Constants up to this size are part of the model, where optimizations read them.
_MAX_INLINE_BYTES = 1024


class OnnxGraph:
    """Nodes and constants; a value is represented by its name.

    Attributes:
        weights: arrays by name that a session needs beside the model.
    """

    def __init__(self) -> None:
        self.weights: dict[str, np.ndarray] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, TensorProto] = {}

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

    def integers(self, *values: int) -> str:
        """Add a constant int64 vector."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """Add a constant float32 scalar."""
        return self.constant(np.array(value, np.float32))

    def model(self, inputs: Sequence[str], outputs: Mapping[str, int], renamed: Mapping[str, str]) -> bytes:
        """The serialized model, without its weights.

        Args:
            inputs: names of inputs, each int64 (batch, sequence).
            outputs: names of outputs, float32 (batch, sequence, width), with their widths.
            renamed: the value that each output is.
        """
        axes = ["batch", "sequence"]
        nodes = self._nodes + [helper.make_node("Identity", [renamed[name]], [name]) for name in outputs]
        graph = helper.make_graph(
            nodes,
            "network",
            [helper.make_tensor_value_info(name, TensorProto.INT64, axes) for name in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [*axes, dim]) for name, dim in outputs.items()],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="textgraft")
        return model.SerializeToString()  # type: ignore[no-any-return]


def _external(array: np.ndarray, name: str) -> TensorProto:
    """A constant whose values a session gets from memory."""
    constant = TensorProto(name=name, dims=array.shape, data_location=TensorProto.EXTERNAL)
    constant.data_type = helper.np_dtype_to_tensor_dtype(array.dtype)
    constant.external_data.add(key="location", value="memory")
    return constant
