"""The precision of models that several processes compute with."""

from textgraft import runtime
from textgraft.engines.names import is_int8, network_precision


def start_with_precision(engine: str, precision: str) -> str:
    """Start TensorFlow; returns the precision that "auto" selects here, or the named one."""
    runtime.start_tensorflow()
    return precision if is_int8(precision) else runtime.choose_precision(network_precision(engine, precision))
