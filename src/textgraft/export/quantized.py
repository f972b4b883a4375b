"""Exported networks in int8: the form that was proved, and the answers that they must give."""

from collections.abc import Sequence

from textgraft.engines.int8 import Quantization
from textgraft.engines.names import ONNX, TENSORFLOW
from textgraft.errors import ConfigError
from textgraft.evaluation.answer_comparison import INT8_PREFIX, TOLERANCE, as_int8
from textgraft.export.format import Answers, Text
from textgraft.tasks.base import Task
from textgraft.tasks.quantization import stored_quantization

# Of numbers: processors round differently before they quantize.
INT8_TOLERANCE = 0.02
_PORTABLE_BITS = 7


def proved_quantization(model: Task) -> Quantization:
    """The form of int8 that was proved on this kind of processor.

    Raises:
        ConfigError: when there is no such proof, or for entities.
    """
    if not model.pooled:
        raise ConfigError("entities are not exported in int8; drop --int8")
    return stored_quantization(model.record.get("int8", []), "MODEL")


def int8_needs(quantization: Quantization, file: str) -> list[str]:
    """What a file in int8 needs: on processors without exact products, weights of 8 bits overflow."""
    return [f"a processor that multiplies int8 exactly for {file}"] if quantization.bits > _PORTABLE_BITS else []


def int8_answers(model: Task, texts: Sequence[Text]) -> Answers:
    """The answers of a model in int8 to each text alone; see `as_int8`."""
    quantization = proved_quantization(model)
    model.use_engine(ONNX, quantization)
    try:
        return as_int8(model.reference_answers, texts)
    finally:
        model.use_engine(TENSORFLOW)


def tolerance(name: str) -> float:
    """See `ExportFormat.tolerance`."""
    return INT8_TOLERANCE if name.startswith(INT8_PREFIX) else TOLERANCE
